;;; (ice-9 pretty-print): values over several lines.

(define* (pretty-print object #:optional port* #:key
                       (port (or port* (current-output-port)))
                       (width 79) (max-expr-width 50)
                       (display? #f) (per-line-prefix ""))
  "Write OBJECT to PORT, over several lines when it is wider than WIDTH."
  (display per-line-prefix port)
  (let ((text (%pretty object (- width (string-length per-line-prefix)) display?)))
    (display (if (string-null? per-line-prefix)
                 text
                 (string-join (string-split text #\newline)
                              (string-append "\n" per-line-prefix)))
             port))
  (newline port))

(define (%pretty object width display?)
  (call-with-output-string
   (lambda (port)
     (%pretty-at object 0 width display? port 0))))

(define (%flat object display?)
  (cond
   ((and (pair? object) (pair? (cdr object)) (null? (cddr object))
         (assq (car object)
               '((quote . "'") (quasiquote . "`") (unquote . ",") (unquote-splicing . ",@"))))
    => (lambda (entry)
         (string-append (cdr entry) (%flat (cadr object) display?))))
   ((pair? object)
    (let loop ((rest (cdr object)) (parts (list (%flat (car object) display?))))
      (cond ((null? rest)
             (string-append "(" (string-join (reverse parts) " ") ")"))
            ((pair? rest)
             (loop (cdr rest) (cons (%flat (car rest) display?) parts)))
            (else
             (string-append "(" (string-join (reverse parts) " ") " . "
                            (%flat rest display?) ")")))))
   ((vector? object)
    (string-append "#" (if (eqv? (vector-length object) 0)
                           "()"
                           (%flat (vector->list object) display?))))
   (else
    (%object->string object display?))))

;;; Print OBJECT from COLUMN on; CLOSING brackets will follow it on its last line.

(define (%pretty-at object column width display? port closing)
  (let ((flat (%flat object display?)))
    (cond
     ((or (<= (+ column (string-length flat) closing) width)
          (not (or (pair? object) (vector? object))))
      (display flat port))
     ((vector? object)
      (display "#" port)
      (%pretty-items (vector->list object) (+ column 1) width display? port closing))
     ((and (pair? (cdr object)) (null? (cddr object))
           (assq (car object)
                 '((quote . "'") (quasiquote . "`") (unquote . ",") (unquote-splicing . ",@"))))
      => (lambda (entry)
           (display (cdr entry) port)
           (%pretty-at (cadr object) (+ column (string-length (cdr entry)))
                       width display? port closing)))
     ((and (symbol? (car object)) (pair? (cdr object)))
      (%pretty-form object column width display? port closing))
     (else
      (%pretty-items object column width display? port closing)))))

(define (%pretty-newline column port)
  (newline port)
  (display (make-string column #\space) port))

(define (%pretty-items items column width display? port closing)
  (display "(" port)
  (%pretty-rest items (+ column 1) width display? port closing #t))

;;; Print ITEMS under each other from COLUMN on, and the bracket that closes them.

(define (%pretty-rest items column width display? port closing first?)
  (let loop ((items items) (first? first?))
    (cond
     ((null? items)
      (display ")" port))
     ((pair? items)
      (if (not first?)
          (%pretty-newline column port))
      (%pretty-at (car items) column width display? port
                  (if (null? (cdr items)) (+ closing 1) 0))
      (loop (cdr items) #f))
     (else
      (%pretty-newline column port)
      (display ". " port)
      (%pretty-at items (+ column 2) width display? port (+ closing 1))
      (display ")" port)))))

(define %pretty-styles
  '((lambda . 1) (lambda* . 1) (define . 1) (define* . 1) (define-syntax . 1)
    (define-public . 1) (let . 1) (let* . 1) (letrec . 1) (letrec* . 1)
    (when . 1) (unless . 1) (case . 1) (do . 2) (define-module . 1)
    (let-values . 1) (let*-values . 1) (with-syntax . 1) (syntax-rules . 1)
    (match . 1) (catch . 1) (parameterize . 1) (dynamic-wind . 0) (begin . 0)))

(define (%pretty-form object column width display? port closing)
  (let* ((head (%flat (car object) display?))
         (style (assq (car object) %pretty-styles))
         (named-let? (and (eq? (car object) 'let) (pair? (cdr object)) (symbol? (cadr object))))
         (inline (cond ((not style) #f)
                       (named-let? 2)
                       (else (cdr style)))))
    (display "(" port)
    (display head port)
    (if inline
        (let loop ((rest (cdr object)) (left inline) (at (+ column 1 (string-length head))))
          (if (and (> left 0) (pair? rest))
              (let ((text (%flat (car rest) display?)))
                (display " " port)
                (%pretty-at (car rest) (+ at 1) width display? port
                            (if (null? (cdr rest)) (+ closing 1) 0))
                (loop (cdr rest) (- left 1) (+ at 1 (string-length text))))
              (%pretty-rest rest (+ column 2) width display? port closing #f)))
        ;; Arguments under the first one, or under the head when there is no room.
        (let ((indent (+ column 2 (string-length head))))
          (if (> (string-length head) 20)
              (%pretty-rest (cdr object) (+ column 1) width display? port closing #f)
              (begin
                (display " " port)
                (%pretty-rest (cdr object) indent width display? port closing #t)))))))

(define* (truncated-print object #:optional port* #:key
                          (port (or port* (current-output-port)))
                          (width 79) (display? #f) (breadth-first? #f))
  "Write OBJECT to PORT, cut so that it is at most WIDTH wide."
  (let ((flat (%flat object display?)))
    (display (if (<= (string-length flat) width)
                 flat
                 (%truncated object width display?))
             port)))

(define (%truncated object width display?)
  (let ((flat (%flat object display?)))
    (cond
     ((<= (string-length flat) width) flat)
     ((and (string? object) (> width 4))
      (string-append (substring flat 0 (- width 2)) "…\""))
     ((and (or (pair? object) (vector? object)) (> width 4))
      (let* ((opening (if (pair? object) "(" "#("))
             (items (if (pair? object) object (vector->list object))))
        (let loop ((rest items) (text opening))
          (if (pair? rest)
              (let* ((separator (if (eq? rest items) "" " "))
                     (room (- width (string-length text) (string-length separator) 3))
                     (item (%flat (car rest) display?)))
                (if (<= (string-length item) room)
                    (loop (cdr rest) (string-append text separator item))
                    (let ((short (if (> room 4) (%truncated (car rest) room display?) "#")))
                      (if (and (> room 0) (<= (string-length short) room))
                          (string-append text separator short " …)")
                          (string-append text separator "…)")))))
              (string-append text ")")))))
     (else "#"))))
