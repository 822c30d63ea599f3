;; format, both kinds.
(use-modules (ice-9 format))
(let loop ((i 0) (total 0))
  (if (< i 20000)
      (loop (+ i 1)
            (+ total (string-length (format #f "~a: ~s ~5d ~x~%" "name" "value" i i))))
      (begin (display total) (newline))))
