;; Never says what it is.
(func (export "describe") (result i32)
    (loop $forever (br $forever))
    unreachable)
