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
  (let ((dots (if (member (port-encoding port) '("UTF-8" "UTF-16" "UTF-32" "UTF-16LE"
                                                 "UTF-16BE" "UTF-32LE" "UTF-32BE"))
                  "…"
                  "...")))
    (if (<= width 0)
        (scm-error 'misc-error #f "~A ~S" (list "expected a positive width" width) #f))
    (display (%shortened object width #f (vector dots display? breadth-first?)) port)))

(define (%shortened-dots style) (vector-ref style 0))

;; OBJECT as text that is at most WIDTH wide; INNER? for a row of an array, which has no prefix of its own.
(define (%shortened object width inner? style)
  (let ((dots (string-length (%shortened-dots style))))
    (define (between opening closing extra make)
      (if (>= width (+ (string-length opening) (string-length closing) extra))
          (string-append opening
                         (make (- width (string-length opening) (string-length closing)))
                         closing)
          "#"))
    (cond
     ((list? object)
      (between "(" ")" dots
               (lambda (width)
                 (%shortened-items object width (length object)
                             (lambda (rest index) (car rest)) cdr #f style))))
     ((and (vector? object) (equal? (array-shape object) (list (list 0 (- (vector-length object) 1)))))
      (between "#(" ")" dots
               (lambda (width)
                 (%shortened-items object width (vector-length object)
                             vector-ref identity #f style))))
     ((bytevector? object)
      (between "#vu8(" ")" (+ dots 2)
               (lambda (width)
                 (%shortened-items object width (bytevector-length object)
                             array-ref identity #f style))))
     ((bitvector? object)
      (cond
       ((>= width (+ 2 (bitvector-length object))) (%flat object #f))
       ((>= width (+ 2 dots))
        (string-append (substring (%flat object #f) 0 (- width dots)) (%shortened-dots style)))
       (else "#")))
     ((and (array? object) (not (string? object)))
      (let* ((rank (array-rank object))
             (prefix (cond
                      (inner? "(")
                      (else
                       (let ((whole (%flat object #f)))
                         (substring whole 0 (+ (string-index whole #\() 1)))))))
        (between prefix ")" dots
                 (lambda (width)
                   (if (= rank 0)
                       (%shortened (array-ref object) width #f style)
                       (let ((low (caar (array-shape object))))
                         (%shortened-items
                          object width (array-length object)
                          (lambda (object index)
                            ((if (= rank 1) array-ref array-cell-ref) object (+ low index)))
                          identity (> rank 1) style)))))))
     ((pair? object)
      (if (>= width (+ 4 dots))
          (string-append "(" (%shortened-dotted object (- width 2) style) ")")
          "#"))
     (else
      (let ((text (%flat object (vector-ref style 1))))
        (if (<= (string-length text) width)
            text
            (%shortened-text text width style)))))))

;; COUNT elements of OBJECT, of which REF gives the one at an index in what NEXT
;; leaves.
(define (%shortened-items object width count ref next inner? style)
  (let ((dots (string-length (%shortened-dots style))))
    (let loop ((rest object) (width width) (index 0) (done ""))
      (let ((done (if (> index 0) (string-append done " ") done)))
        (cond
         ((= index count) (if (= count 0) "" done))
         ((and (= index (- count 1)) (or (= index 0) (> width 1)))
          (string-append done
                         (%shortened (ref rest index) (if (= index 0) width (- width 1))
                               inner? style)))
         ((<= width (+ 1 dots)) (string-append done (%shortened-dots style)))
         (else
          (let* ((room (if (vector-ref style 2)
                           (max 1 (- (quotient width (- count index)) 1))
                           (- width (+ 1 dots))))
                 (text (%shortened (ref rest index) room inner? style)))
            (loop (next rest) (- width 1 (string-length text)) (+ index 1)
                  (string-append done text)))))))))

;; The inside of an improper list, in at least five columns.
(define (%shortened-dotted object width style)
  (let loop ((rest object) (width width) (done ""))
    (if (or (not (pair? rest)) (<= width 4))
        (string-append done ". " (%shortened rest (- width 2) #f style))
        (let ((text (%shortened (car rest)
                          (if (vector-ref style 2) (quotient (- width 3) 2) (- width 4))
                          #f style)))
          (loop (cdr rest) (- width 1 (string-length text))
                (string-append done text " "))))))

;; TEXT, which is too wide, without its middle where its ends say what it is.
(define (%shortened-text text width style)
  (let ((dots (%shortened-dots style)))
    (let loop ((ends '(("#<" . ">") ("#(" . ")") ("(" . ")") ("\"" . "\""))))
      (if (null? ends)
          "#"
          (let ((opening (caar ends)) (closing (cdar ends)))
            (if (and (string-prefix? opening text)
                     (string-suffix? closing text)
                     (>= width (+ (string-length opening) (string-length closing)
                                  (string-length dots))))
                (string-append (substring text 0 (- width (string-length closing)
                                                    (string-length dots)))
                               dots closing)
                (loop (cdr ends))))))))
