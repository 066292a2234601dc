;; Spends its time inside operations on tables.
(table $table 20000 funcref)
(table $other 20000 funcref)
(func $attack (result i32)
    (loop $forever
        (table.fill $table (i32.const 0) (ref.func $attack) (i32.const 20000))
        (table.copy $other $table (i32.const 0) (i32.const 0) (i32.const 20000))
        (br $forever))
    unreachable)
(elem declare func $attack)
