;; Macro expansion as a procedure.
(define (show x) (write x) (newline))
(use-modules (language tree-il))
(show (tree-il->scheme (macroexpand '(let ((x 1)) x))))
(show (tree-il->scheme (macroexpand '(if 1 2 3))))
(show (tree-il->scheme (macroexpand ''a)))
(show (tree-il->scheme (macroexpand '(lambda (x) x))))
(show (tree-il->scheme (macroexpand '(and 1 2))))
(show (eval (macroexpand '(let loop ((i 0)) (if (< i 3) (loop (+ i 1)) i))) (current-module)))
