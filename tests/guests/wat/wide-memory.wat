;; Is born with more memory than it may have.
(memory (export "memory") 1024)
