;; Answers with a list of four billion verdicts, which no memory has.
(data (i32.const 2000) "\00\00\00\00" "\00\00\00\00" "\ff\ff\ff\ff")
(func $attack (result i32) (i32.const 2000))
