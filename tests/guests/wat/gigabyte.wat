;; Fails with a message of a gigabyte: the address and length of memory that it has where it is granted so much.
(data (i32.const 2000) "\01\00\00\00" "\00\04\00\00\07\00\00\00" "\00\00\02\00\00\ca\9a\3b" "\00")
(func $attack (result i32)
    (drop (memory.grow (i32.const 16300)))
    (i32.const 2000))
