;; Never gives the host room for what is larger than anything in the interaction of the first call.
(global $free (mut i32) (i32.const 65536))
(func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32) (local $at i32)
    (if (i32.gt_u (local.get $size) (i32.const 2000)) (then (loop $forever (br $forever))))
    (local.set $at (global.get $free))
    (global.set $free (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7)) (i32.const -8)))
    (local.get $at))
