;;; What the prompt shows of a value, and its commands that look at data.
;;;
;;; The commands that change the prompt itself (levels of errors, history,
;;; leaving) are not here but in Rust, src/cli/repl.  Every command here is
;;; called with the rest of its line, a string, and prints its answer.

(define-module (fruix prompt)
  #:use-module (fruix prompt table)
  #:use-module (fruix store)
  #:use-module (fruix store system)
  #:use-module (fruix store words)
  #:use-module (ice-9 match)
  #:use-module (ice-9 pretty-print)
  #:use-module (srfi srfi-1)
  #:export (value->text
            value-cut?
            value-keys
            prompt-store
            prompt-word
            prompt-word-names
            prompt-items))

;;;
;;; Values.
;;;

;; How many parts of a value are shown before the user asks for more.
(define %enough 3000)

(define (value->text value width whole?)
  "Return VALUE as the prompt shows it, a string: on one line when that fits into
WIDTH characters, and otherwise laid out over several, rows and association
lists as tables.  Unless WHOLE?, only the beginning of long data is there; see
`value-cut?'.  A record is shown by the printer that its type was given."
  (let* ((value (if whole? value (beginning value)))
         (line (call-with-output-string
                (lambda (port) (write value port)))))
    (cond ((<= (string-length line) width) line)
          ((value->table value width)
           => (lambda (lines) (string-join lines "\n")))
          ((or (pair? value) (vector? value))
           (string-trim-right
            (call-with-output-string
             (lambda (port) (pretty-print value port #:width width)))
            #\newline))
          (else line))))

(define (value-cut? value)
  "Return #t when `value->text' leaves some of VALUE away."
  (not (eq? value (beginning value))))

(define (beginning value)
  "Return VALUE itself when it has at most %ENOUGH parts, otherwise a copy of its
beginning in which … stands for what is left out."
  (define left %enough)
  (define cut? #f)
  (define (take! count)
    (set! left (- left count)))
  (define (copy value)
    (cond ((<= left 0) (set! cut? #t) '…)
          ((pair? value)
           (let loop ((items value) (copied '()))
             (cond ((and (pair? items) (> left 0))
                    (take! 1)
                    (loop (cdr items) (cons (copy (car items)) copied)))
                   ((null? items) (reverse copied))
                   ((pair? items)
                    (set! cut? #t)
                    (reverse (cons '… copied)))
                   (else (append-reverse copied (copy items))))))
          ((vector? value)
           (let ((length (vector-length value)))
             (let loop ((index 0) (copied '()))
               (cond ((= index length) (list->vector (reverse copied)))
                     ((<= left 0)
                      (set! cut? #t)
                      (list->vector (reverse (cons '… copied))))
                     (else
                      (take! 1)
                      (loop (+ index 1)
                            (cons (copy (vector-ref value index)) copied)))))))
          ((and (string? value) (> (string-length value) (* 10 %enough)))
           (set! cut? #t)
           (string-append (string-take value (* 10 %enough)) "…"))
          (else (take! 1) value)))
  (let ((copied (copy value)))
    (if cut? copied value)))

(define (value-keys value)
  "Return the keys in VALUE, a store layout or an association list, as strings;
the prompt completes them after a quote."
  (define (keys alist)
    (filter-map (match-lambda
                  (((? symbol? key) . _) (symbol->string key))
                  (_ #f))
                alist))
  (cond ((store-layout? value) (keys (store-layout-entries value)))
        ((and (pair? value) (list? value)) (keys value))
        (else '())))

;;;
;;; The system that is asked.
;;;

(define %system (local-system))

(define (prompt-store text)
  "Ask the system whose `/' is the directory TEXT from now on, or with `guest'
the guest of the settings; say what is there."
  (cond ((string-null? text))
        ((string=? text "guest")
         ;; The words of a guest are loaded when they are wanted.
         (let ((system (module-ref (resolve-interface '(fruix store guest))
                                   'guest-system))
               (connect (module-ref (resolve-interface '(fruix guest settings))
                                    'connect-to-guest-of-settings)))
           (set! %system (system (connect)))))
        (else
         (set! %system (local-system (unquoted text)))))
  (let ((said (lambda (thunk) (catch 'store-error thunk (const #f)))))
    (for-each (match-lambda
                ((key . value)
                 (when value
                   (display key) (display "=") (display value) (newline))))
              `(("system" . ,(system-name %system))
                ("items" . ,(said (lambda ()
                                    (length (store-items
                                             #:store (system-store %system))))))
                ("current_system" . ,(said (lambda ()
                                             (system-current %system))))))))

(define (unquoted text)
  (string-trim-both text #\"))

(define prompt-word-names
  ;; What `,refs' and its neighbours are; `,path' and `,items' read well too.
  '("items" "path" "refs" "referrers" "closure" "du" "why-depends" "diff"
    "source" "generations" "roots" "dead" "builds" "verify"))

(define (prompt-word word text width)
  "Print what the system answers to WORD, a string, with the words in TEXT, as a
table of at most WIDTH characters a line."
  (let ((answer (store-answer %system (string->symbol word)
                              (map unquoted
                                   (remove string-null?
                                           (string-split text char-whitespace?))))))
    (for-each (lambda (line) (display line) (newline))
              (if (null? answer)
                  '("nothing")
                  (or (value->table answer width)
                      (answer->lines answer))))))

(define (prompt-items)
  "Return the names and base names of the system's items, for completion."
  (catch #t
    (lambda ()
      (append-map (lambda (path)
                    (list path (store-path-name path)))
                  (store-items #:store (system-store %system))))
    (lambda _ '())))

;;;
;;; What the session asks for.
;;;

(define %history (resolve-module '(value-history)))

(define (remember-value name value)
  "Let NAME, a symbol such as $1, mean VALUE in every module of the prompt."
  (module-define! %history name value)
  (module-export! %history (list name))
  (module-use! (current-module) %history))

(define (pretty value width)
  "Print all of VALUE, in lines of at most WIDTH characters where possible."
  (pretty-print value #:width width))

(define (pretty-text text width)
  "Print the datum in TEXT as `pretty' does."
  (pretty (call-with-input-string text read) width))
