;;; (ice-9 pretty-print): values over several lines.

(define* (pretty-print object #:optional port* #:key
                       (port (or port* (current-output-port)))
                       (width 79) (max-expr-width 50)
                       (display? #f) (per-line-prefix ""))
  "Write OBJECT to PORT, over several lines when it is wider than WIDTH."
  (display per-line-prefix port)
  (let ((text (%pretty object (- width (string-length per-line-prefix))
                        max-expr-width display?)))
    (display (if (string-null? per-line-prefix)
                 text
                 (string-join (string-split text #\newline)
                              (string-append "\n" per-line-prefix)))
             port))
  (newline port))

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

;;; Layout.  An expression goes on one line when it fits there and is not wider
;;; than LIMIT.  Otherwise its items go under each other: those of a call under the
;;; first argument, those of a form with a body two columns in.  CLOSING is how
;;; many brackets follow on the last line.

(define (%pretty object width limit display?)
  (call-with-output-string
   (lambda (port)
     (%pretty-item object 0 #f (vector width limit display? port)))))

(define (%pretty-out text state)
  (display text (vector-ref state 3)))

(define (%pretty-indent column state)
  (let* ((port (vector-ref state 3))
         (now (port-column port)))
    (if (< column now)
        (begin
          (newline port)
          (display (make-string column #\space) port))
        (display (make-string (- column now) #\space) port))))

(define (%pretty-item object closing list? state)
  (let* ((flat (%flat object (vector-ref state 2)))
         (size (string-length flat))
         (column (port-column (vector-ref state 3))))
    (cond
     ((or (not (or (pair? object) (vector? object)))
          (and (<= size (- (vector-ref state 0) column closing))
               (< size (vector-ref state 1))))
      (%pretty-out flat state))
     ((vector? object)
      (%pretty-out "#" state)
      (%pretty-list (vector->list object) closing state))
     (list?
      (%pretty-list object closing state))
     (else
      (%pretty-expression object closing state)))))

(define (%pretty-expression object closing state)
  (let ((head (car object)))
    (cond
     ((and (pair? (cdr object)) (null? (cddr object))
           (assq head '((quote . "'") (quasiquote . "`") (unquote . ",")
                        (unquote-splicing . ",@"))))
      => (lambda (entry)
           (%pretty-out (cdr entry) state)
           (%pretty-item (cadr object) closing #f state)))
     ((symbol? head)
      (case head
        ((lambda lambda* let* letrec letrec* define define* define-public define-syntax
           define-macro let-syntax letrec-syntax with-syntax syntax-rules)
         (%pretty-body object closing #f '(#t) #f state))
        ((if set!)
         (%pretty-body object closing #f '(#f) #f state))
        ((case)
         (%pretty-body object closing #f '(#f) #t state))
        ((let)
         (%pretty-body object closing
                       (and (pair? (cdr object)) (symbol? (cadr object)))
                       '(#t) #f state))
        ((begin)
         (%pretty-body object closing #f '() #f state))
        ((do)
         (%pretty-body object closing #f '(#t #t) #f state))
        ((cond)
         (%pretty-call object closing #t state))
        ((and or)
         (%pretty-call object closing #f state))
        (else
         (if (> (string-length (symbol->string head)) 5)
             (%pretty-body object closing #f '() #f state)
             (%pretty-call object closing #f state)))))
     (else
      (%pretty-list object closing state)))))

(define (%pretty-call object closing lists? state)
  (let ((column (port-column (vector-ref state 3))))
    (%pretty-out "(" state)
    (%pretty-out (%flat (car object) (vector-ref state 2)) state)
    (if (pair? (cdr object))
        (%pretty-out " " state))
    (%pretty-down (cdr object) (port-column (vector-ref state 3)) closing lists? state)))

(define (%pretty-list object closing state)
  (%pretty-out "(" state)
  (%pretty-down object (port-column (vector-ref state 3)) closing #f state))

;;; Head, perhaps a NAME, one item for each of FIRST (whether it is a list of
;;; expressions), and the rest as a body.

(define (%pretty-body object closing name? first lists? state)
  (let ((column (port-column (vector-ref state 3))))
    (%pretty-out "(" state)
    (%pretty-out (%flat (car object) (vector-ref state 2)) state)
    (let* ((rest (cdr object))
           (rest (if name?
                     (begin
                       (%pretty-out " " state)
                       (%pretty-out (%flat (car rest) (vector-ref state 2)) state)
                       (cdr rest))
                     rest))
           (under (+ 1 (port-column (vector-ref state 3)))))
      (let loop ((first first) (rest rest))
        (if (and (pair? first) (pair? rest))
            (begin
              (%pretty-indent under state)
              (%pretty-item (car rest) (if (null? (cdr rest)) (+ closing 1) 0)
                            (car first) state)
              (loop (cdr first) (cdr rest)))
            (begin
              (if (pair? rest)
                  (%pretty-indent (+ column 2) state))
              (%pretty-down rest (+ column 2) closing lists? state)))))))

(define (%pretty-down items column closing lists? state)
  (let loop ((items items) (first? #t))
    (cond
     ((pair? items)
      (if (not first?)
          (begin
            (newline (vector-ref state 3))
            (%pretty-indent column state)))
      (%pretty-item (car items) (if (null? (cdr items)) (+ closing 1) 0) lists? state)
      (loop (cdr items) #f))
     ((null? items)
      (%pretty-out ")" state))
     (else
      (newline (vector-ref state 3))
      (%pretty-indent column state)
      (%pretty-out "." state)
      (newline (vector-ref state 3))
      (%pretty-indent column state)
      (%pretty-item items (+ closing 1) lists? state)
      (%pretty-out ")" state)))))

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
