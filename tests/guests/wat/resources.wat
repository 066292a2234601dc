;; Makes a million handles of a resource that the component itself defines. They live in a table of the host's.
(import "[export]tests:hostile/things" "[resource-new]thing" (func $new (param i32) (result i32)))
(func $attack (result i32) (local $left i32)
    (local.set $left (i32.const 1000000))
    (loop $again
        (drop (call $new (local.get $left)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $again (local.get $left)))
    (call $none))
