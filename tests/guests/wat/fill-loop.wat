;; Spends its time inside the largest operations on memory that it may have: the clock is asked only between them.
(func $attack (result i32)
    (drop (memory.grow (i32.const 1000)))
    (loop $forever
        (memory.fill (i32.const 65536) (i32.const 1) (i32.const 0x3e00000))
        (memory.copy (i32.const 65536) (i32.const 65537) (i32.const 0x3e00000))
        (br $forever))
    unreachable)
