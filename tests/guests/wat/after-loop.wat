;; Answers, and never lets go of the answer.
(global $attacks (mut i32) (i32.const 0))
(func $attack (result i32)
    (global.set $attacks (i32.const 1))
    (call $none))
(func (export "cabi_post_tribunal:plugin/scorer@0.1.0#evaluate") (param i32)
    (if (global.get $attacks) (then (loop $forever (br $forever)))))
