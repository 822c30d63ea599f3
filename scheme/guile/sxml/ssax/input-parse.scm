;;; A port read in pieces: up to one of some characters, or as long as they are some.  The
;;; end of the port is the symbol *eof* where characters are listed.
;;;
;;; Source: GNU Guile reference manual, "(sxml ssax input-parse)".

(define-module (sxml ssax input-parse)
  #:use-module (ice-9 rdelim)
  #:use-module ((ice-9 textual-ports) #:select (get-string-n))
  #:replace (read-string)
  #:export (peek-next-char assert-curr-char skip-until skip-while
            next-token next-token-of read-text-line find-string-from-port?))

(define (parser-error port message . parts)
  (apply throw 'parser-error port message parts))

(define (among? char chars)
  (if (eof-object? char) (memq '*eof* chars) (memv char chars)))

(define (asked-of port)
  (if (null? port) (current-input-port) (car port)))

(define (peek-next-char . port)
  "Pass a character of PORT and return the one after it, which is not passed."
  (let ((port (asked-of port)))
    (read-char port)
    (peek-char port)))

(define (assert-curr-char expected-chars comment . port)
  "Read a character of PORT and return it; it is one of EXPECTED-CHARS, or a parser-error is
thrown, which says COMMENT."
  (let* ((port (asked-of port))
         (char (read-char port)))
    (if (among? char expected-chars)
        char
        (parser-error port "Wrong character " char
                      " (0x" (if (eof-object? char)
                                 "*eof*"
                                 (number->string (char->integer char) 16))
                      ") " comment ". " expected-chars " expected"))))

(define (skip-until arg . port)
  "Pass characters of PORT and return #f: as many as ARG says, a number; or those up to the
first that ARG lists, which is passed and returned."
  (let ((port (asked-of port)))
    (if (number? arg)
        (let loop ((left arg))
          (and (positive? left)
               (if (eof-object? (read-char port))
                   (parser-error port "Unexpected EOF while skipping " arg " characters")
                   (loop (- left 1)))))
        (let loop ()
          (let ((char (read-char port)))
            (cond ((among? char arg) char)
                  ((eof-object? char)
                   (parser-error port "Unexpected EOF while skipping until " arg))
                  (else (loop))))))))

(define (skip-while skip-chars . port)
  "Pass characters of PORT that SKIP-CHARS lists, and return the next one, which is not
passed."
  (let ((port (asked-of port)))
    (let loop ()
      (let ((char (peek-char port)))
        (cond ((among? char skip-chars)
               (read-char port)
               (loop))
              (else char))))))

(define* (next-token prefix-skipped-chars break-chars
                     #:optional (comment "") (port (current-input-port)))
  "Pass characters of PORT that PREFIX-SKIPPED-CHARS lists, and return what stands before the
next of BREAK-CHARS, which is not passed.  COMMENT says in an error what was being read."
  (skip-while prefix-skipped-chars port)
  (let* ((delimiters (list->string (delq '*eof* (list-copy break-chars))))
         (token (read-delimited delimiters port 'peek)))
    (if (and (eof-object? (peek-char port)) (not (memq '*eof* break-chars)))
        (parser-error port "EOF while reading a token " comment)
        (if (eof-object? token) "" token))))

(define (next-token-of include . port)
  "Read characters of PORT as long as INCLUDE lists them, or, when it is a procedure, as long
as it returns a character for them, which stands in their place; return the string."
  (let* ((port (asked-of port))
         (taken (if (procedure? include)
                    include
                    (lambda (char) (and (among? char include) char)))))
    (let loop ((chars '()))
      (let* ((char (peek-char port))
             (kept (taken char)))
        (cond ((and kept (not (eof-object? char)))
               (read-char port)
               (loop (cons kept chars)))
              (else (reverse-list->string chars)))))))

(define (read-text-line . port)
  "Read a line of PORT and return it without its end; the end of the file where nothing is
left."
  (read-line (asked-of port)))

(define (read-string count . port)
  "Read COUNT characters of PORT, or as many as there are, and return the string."
  (let ((text (if (positive? count) (get-string-n (asked-of port) count) "")))
    (if (eof-object? text) "" text)))

(define (find-string-from-port? text port . limit)
  "Read PORT up to the end of the first TEXT, within LIMIT characters when that is given, and
return how many were read; #f when it is not there."
  (let ((length (string-length text))
        (limit (if (pair? limit) (car limit) #f)))
    (let loop ((seen "") (count 0))
      (cond
       ((string=? seen text) count)
       ((and limit (>= count limit)) #f)
       (else
        (let ((char (read-char port)))
          (and (char? char)
               (let ((seen (string-append seen (string char))))
                 (loop (if (> (string-length seen) length) (string-drop seen 1) seen)
                       (+ count 1))))))))))
