;; Errors from the system carry their number.
(define (show x) (write x) (newline))
(define-syntax-rule (try e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show (cons key args)))))
(define-syntax-rule (errno-of e) (catch 'system-error (lambda () (show e)) (lambda args (show (system-error-errno args)))))
(try (open-input-file "missing")) (try (stat "missing")) (try (opendir "missing")) (try (chdir "missing"))
(try (delete-file "missing")) (try (rename-file "missing" "x")) (try (rmdir "missing")) (try (readlink "missing"))
(mkdir "d") (try (mkdir "d")) (try (open-output-file "d")) (try (execlp "no-such-program-here")) 
(errno-of (open-input-file "missing")) (errno-of (mkdir "d"))
(show (list ENOENT EEXIST EACCES EISDIR)) (show (strerror ENOENT)) (show (strerror EEXIST))
(show (catch 'system-error (lambda () (delete-file "nope")) (lambda args (= ENOENT (system-error-errno args)))))
(try (copy-file "missing" "x")) (try (symlink "a" "d"))
