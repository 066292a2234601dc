;; Answers with a list of a million verdicts, 48 bytes each, in memory that it has.
(data (i32.const 2000) "\00\00\00\00" "\00\00\02\00" "\40\42\0f\00")
(func $attack (result i32)
    (drop (memory.grow (i32.const 800)))
    (i32.const 2000))
