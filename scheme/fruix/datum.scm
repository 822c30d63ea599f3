;;; Data as text: what can be written down, and read again in another process.
;;;
;;; The journal of a run keeps the values of steps so.  A datum is what `write'
;;; and `read' agree on, and records of types that were declared here.

(define-module (fruix datum)
  #:use-module (ice-9 match)
  #:use-module (rnrs bytevectors)
  #:use-module (srfi srfi-1)
  #:export (declare-datum-record!
            datum->text
            text->datum))

;; Types of records that are data: lists of a name, a predicate, the constructor
;; and the accessors.
(define %records '())

(define (declare-datum-record! name predicate constructor . accessors)
  "From now on records for which PREDICATE holds are data, written as NAME, a
symbol, and what ACCESSORS give; CONSTRUCTOR makes them again from that."
  (set! %records
        (acons name (cons* predicate constructor accessors) %records)))

;; What a journal may hold of one value.
(define %most-objects 100000)

(define (datum->text object refuse)
  "Return OBJECT as text from which `text->datum' makes an equal one.  When a part
of it is no datum, or it is circular or very large, return what REFUSE, a
procedure of that part, returns."
  ;; No continuation: what is kept alive by one cannot be unwound by an interrupt.
  (let ((left %most-objects)
        (refused '()))
    (define (no part)
      (set! refused (list part))
      (throw 'no-datum))
    (define (portable object)
      (set! left (- left 1))
      (when (negative? left) (no object))
      (match object
        ((first . rest)
         ;; A list may be longer than calls are deep.
         (let loop ((rest rest) (done (list (portable first))))
           (match rest
             ((first . rest)
              (loop rest (cons (portable first) done)))
             (() (reverse done))
             (other (append-reverse! done (portable other))))))
        ((? vector?)
         (list->vector (cons 'vector (map portable (vector->list object)))))
        ((or (? boolean?) (? number?) (? char?) (? string?) (? keyword?)
             (? null?) (? bytevector?))
         object)
        ((? symbol?)
         (if (symbol-interned? object) object (no object)))
        (_
         (cond ((eq? object *unspecified*) '#(unspecified))
               ((declared object)
                => (match-lambda
                     ((name _ _ . accessors)
                      (vector 'record name
                              (map (lambda (accessor)
                                     (portable (accessor object)))
                                   accessors)))))
               (else (no object))))))
    (or (catch 'no-datum
          (lambda () (object->string (portable object) write))
          (lambda _ #f))
        (refuse (car refused)))))

(define (declared object)
  (let loop ((records %records))
    (match records
      (() #f)
      (((and entry (_ predicate . _)) . rest)
       (if (predicate object) entry (loop rest))))))

(define (text->datum text)
  "Return the object that TEXT, from `datum->text', stands for."
  (define (whole object)
    (match object
      (#('unspecified) *unspecified*)
      (#('record name fields)
       (match (assq-ref %records name)
         ((_ constructor . _) (apply constructor (map whole fields)))
         (_ (throw 'misc-error 'text->datum
                   "no record type `~A' was declared" (list name) #f))))
      ((first . rest)
       (let loop ((rest rest) (done (list (whole first))))
         (match rest
           ((first . rest) (loop rest (cons (whole first) done)))
           (() (reverse done))
           (other (append-reverse! done (whole other))))))
      (#('vector elements ...)
       (list->vector (map whole elements)))
      (_ object)))
  (whole (call-with-input-string text read)))
