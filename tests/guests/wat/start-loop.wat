;; Never gets past its start function, so never becomes an instance.
(func $spin (loop $forever (br $forever)))
(start $spin)
