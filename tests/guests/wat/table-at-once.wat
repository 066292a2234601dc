;; Asks for a table of a billion elements.
(table $table 1 funcref)
(func $attack (result i32)
    (if (i32.eq (i32.const -1) (table.grow $table (ref.null func) (i32.const 1000000000))) (then unreachable))
    (call $none))
