;; The smallest plugin of all kinds: it has nothing to say of any interaction. Its imports and exports are the shape that
;; random modules are given, and from its bytes mutants are made.
(module
  (import "tribunal:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "tribunal:plugin/abort@0.1.0" "abort" (func $abort (param i32 i32)))

  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))

  ;; A description: name, version, summary, no schema, no attributes.
  (data (i32.const 16)
    "\40\00\00\00" "\05\00\00\00"
    "\45\00\00\00" "\05\00\00\00"
    "\4a\00\00\00" "\09\00\00\00"
    "\00\00\00\00" "\00\00\00\00" "\00\00\00\00"
    "\08\00\00\00" "\00\00\00\00")
  (data (i32.const 64) "plain" "0.1.0" "Is silent")

  (func (export "describe") (result i32)
    (i32.const 16))

  ;; Zeros are an answer without error, and an empty list of verdicts.
  (func (export "configure") (param i32 i32) (result i32)
    (i32.const 512))
  (func $silent (param i32) (result i32)
    (i32.const 512))
  (export "tribunal:plugin/scorer@0.1.0#evaluate" (func $silent))
  (export "tribunal:plugin/error-classifier@0.1.0#evaluate" (func $silent))
  (export "tribunal:plugin/bias-check@0.1.0#evaluate" (func $silent))
  (export "tribunal:plugin/pricing-adapter@0.1.0#evaluate" (func $silent))

  ;; Gives what is asked for from one end to the other and takes nothing back.
  (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $wanted i32) (result i32)
    (local $given i32) (local $missing i32)
    (local.set $given
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $given) (local.get $wanted)))
    (local.set $missing
      (i32.sub
        (i32.shr_u (i32.add (global.get $free) (i32.const 65535)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable))))
    (memory.copy (local.get $given) (local.get $old) (local.get $had))
    (local.get $given)))
