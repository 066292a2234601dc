;; Grows four tables in turn, which count as memory.
(table $first 1 funcref)
(table $second 1 funcref)
(table $third 1 funcref)
(table $fourth 1 funcref)
(func $attack (result i32)
    (loop $again
        (if (i32.eq (i32.const -1) (table.grow $first (ref.null func) (i32.const 64))) (then unreachable))
        (if (i32.eq (i32.const -1) (table.grow $second (ref.null func) (i32.const 64))) (then unreachable))
        (if (i32.eq (i32.const -1) (table.grow $third (ref.null func) (i32.const 64))) (then unreachable))
        (if (i32.eq (i32.const -1) (table.grow $fourth (ref.null func) (i32.const 64))) (then unreachable))
        (br $again))
    unreachable)
