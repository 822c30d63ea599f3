;;; Vlists, lists whose elements lie in vectors that grow geometrically, and
;;; vhashes, vlists of pairs that can be looked up by their keys.
;;;
;;; A vlist is a block and how many of its elements are part of the list.
;;; Consing onto the newest list of a block uses the block's next free place;
;;; consing onto an older one starts a new block, so lists never change.  In a
;;; vhash, a block also has the head of a chain for each hash, and for each
;;; element the next older one of its chain.

(define-module (ice-9 vlist)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (vlist? vlist-cons vlist-head vlist-tail vlist-null?
            vlist-null list->vlist vlist-ref vlist-drop vlist-take
            vlist-length vlist-fold vlist-fold-right vlist-map
            vlist-unfold vlist-unfold-right vlist-append
            vlist-reverse vlist-filter vlist-delete vlist->list
            vlist-for-each block-growth-factor
            vhash? vhash-cons vhash-consq vhash-consv
            vhash-assoc vhash-assq vhash-assv
            vhash-delete vhash-delq vhash-delv
            vhash-fold vhash-fold-right
            vhash-fold* vhash-foldq* vhash-foldv*
            alist->vhash))

(define block-growth-factor
  ;; How much larger a block is than the one before it.
  (make-fluid 2))

(define-record-type <block>
  (make-block elements base before used heads chains)
  block?
  (elements block-elements)          ;vector, oldest element first
  (base     block-base)              ;vlist that goes on after the oldest, or #f
  (before   block-before)            ;length of BASE
  (used     block-used set-block-used!)
  (heads    block-heads)             ;vector: hash -> index or #f; or #f
  (chains   block-chains))           ;vector: index -> older index or #f; or #f

(define-record-type <vlist>
  (make-vlist block count)
  vlist?
  (block vlist-block)    ;#f in the empty list
  (count vlist-count))   ;elements of BLOCK that are in the list

(define vlist-null (make-vlist #f 0))

(set-record-type-printer! <vlist>
  (lambda (vlist port)
    (if (vhash? vlist)
        (begin
          (display "#<vhash " port)
          (display (number->string (object-address vlist) 16) port)
          (display " " port)
          (display (vlist-length vlist) port)
          (display " pairs>" port))
        (begin
          (display "#<vlist " port)
          (write (vlist->list vlist) port)
          (display ">" port)))))

(define (assert-vlist object)
  (unless (vlist? object)
    (scm-error 'wrong-type-arg #f "Not a vlist: ~S" (list object) (list object))))

(define (no-element)
  (scm-error 'out-of-range "vector-ref" "Argument 2 out of range: ~S"
             (list 0) (list 0)))

;; A vlist of ELEMENT and VLIST; HASHING? asks for a block that has chains.
(define (extend vlist element hashing?)
  (let ((block (vlist-block vlist))
        (count (vlist-count vlist)))
    (if (and block
             (= count (block-used block))
             (< count (vector-length (block-elements block)))
             (eq? hashing? (and (block-heads block) #t)))
        (begin
          (vector-set! (block-elements block) count element)
          (set-block-used! block (+ count 1))
          (make-vlist block (+ count 1)))
        (let* ((growing? (and block (= count (block-used block))))
               (size (if growing?
                         (max 1 (* (fluid-ref block-growth-factor)
                                   (vector-length (block-elements block))))
                         1))
               (new (make-block (make-vector size #f)
                                (and block vlist)
                                (vlist-length vlist)
                                1
                                (and hashing? (make-vector size #f))
                                (and hashing? (make-vector size #f)))))
          (vector-set! (block-elements new) 0 element)
          (make-vlist new 1)))))

(define (vlist-cons element vlist)
  "Return a vlist of ELEMENT and the elements of VLIST."
  (assert-vlist vlist)
  (extend vlist element #f))

(define (vlist-null? vlist)
  "Return whether VLIST has no elements."
  (assert-vlist vlist)
  (not (vlist-block vlist)))

(define (vlist-head vlist)
  "Return the first element of VLIST."
  (assert-vlist vlist)
  (unless (vlist-block vlist) (no-element))
  (vector-ref (block-elements (vlist-block vlist)) (- (vlist-count vlist) 1)))

;; The list below COUNT elements of BLOCK, counted from the oldest.
(define (rest-of block count)
  (cond ((> count 0) (make-vlist block count))
        ((block-base block))
        (else vlist-null)))

(define (vlist-tail vlist)
  "Return the vlist of all elements of VLIST but the first."
  (assert-vlist vlist)
  (unless (vlist-block vlist) (no-element))
  (rest-of (vlist-block vlist) (- (vlist-count vlist) 1)))

(define (vlist-length vlist)
  "Return how many elements VLIST has."
  (assert-vlist vlist)
  (let ((block (vlist-block vlist)))
    (if block
        (+ (vlist-count vlist) (block-before block))
        0)))

(define (vlist-ref vlist index)
  "Return the element of VLIST at INDEX."
  (assert-vlist vlist)
  (let loop ((vlist vlist) (index index))
    (let ((block (vlist-block vlist))
          (count (vlist-count vlist)))
      (cond ((not block) (no-element))
            ((< index count)
             (vector-ref (block-elements block) (- count index 1)))
            (else (loop (rest-of block 0) (- index count)))))))

(define (vlist-drop vlist count)
  "Return the vlist of the elements of VLIST after the first COUNT."
  (assert-vlist vlist)
  (let loop ((vlist vlist) (left count))
    (let ((block (vlist-block vlist))
          (count (vlist-count vlist)))
      (cond ((zero? left) vlist)
            ((not block) (no-element))
            ((< left count) (make-vlist block (- count left)))
            (else (loop (rest-of block 0) (- left count)))))))

(define (vlist-take vlist count)
  "Return a vlist of the first COUNT elements of VLIST."
  (let loop ((vlist vlist) (left count) (result '()))
    (if (zero? left)
        (list->vlist (reverse! result))
        (loop (vlist-tail vlist) (- left 1) (cons (vlist-head vlist) result)))))

(define (vlist-fold f initial vlist)
  "Return the last result of F, called with each element of VLIST, the first one
first, and the result so far, which starts as INITIAL."
  (assert-vlist vlist)
  (let next-block ((vlist vlist) (result initial))
    (let ((block (vlist-block vlist)))
      (if (not block)
          result
          (let ((elements (block-elements block)))
            (let loop ((index (- (vlist-count vlist) 1)) (result result))
              (if (< index 0)
                  (next-block (rest-of block 0) result)
                  (loop (- index 1) (f (vector-ref elements index) result)))))))))

(define (vlist-fold-right f initial vlist)
  "Return what `vlist-fold' does, the last element first."
  (let loop ((elements (vlist-fold cons '() vlist)) (result initial))
    (if (null? elements)
        result
        (loop (cdr elements) (f (car elements) result)))))

(define (list->vlist elements)
  "Return a vlist of ELEMENTS, a list."
  (let loop ((elements (reverse elements)) (result vlist-null))
    (if (null? elements)
        result
        (loop (cdr elements) (extend result (car elements) #f)))))

(define (vlist->list vlist)
  "Return the elements of VLIST as a list."
  (reverse! (vlist-fold cons '() vlist)))

(define (vlist-reverse vlist)
  "Return a vlist of the elements of VLIST, the last first."
  (vlist-fold vlist-cons vlist-null vlist))

(define (vlist-map f vlist)
  "Return a vlist of the values of F for the elements of VLIST."
  (vlist-fold-right (lambda (element result) (vlist-cons (f element) result))
                    vlist-null vlist))

(define (vlist-filter satisfies? vlist)
  "Return a vlist of the elements of VLIST of which SATISFIES? holds."
  (vlist-fold-right (lambda (element result)
                      (if (satisfies? element)
                          (vlist-cons element result)
                          result))
                    vlist-null vlist))

(define* (vlist-delete value vlist #:optional (same? equal?))
  "Return a vlist of the elements of VLIST that are not SAME? as VALUE."
  (vlist-filter (lambda (element) (not (same? element value))) vlist))

(define (vlist-append . vlists)
  "Return a vlist of the elements of all VLISTS, in order."
  (if (null? vlists)
      vlist-null
      (let loop ((before (cdr (reverse vlists)))
                 (result (car (reverse vlists))))
        (if (null? before)
            result
            (loop (cdr before)
                  (vlist-fold-right vlist-cons result (car before)))))))

(define (vlist-for-each f vlist)
  "Call F with each element of VLIST, in order."
  (vlist-fold (lambda (element result) (f element) result) (if #f #f) vlist))

(define* (vlist-unfold stop? f next seed
                       #:optional (tail (lambda (seed) vlist-null)))
  "Return a vlist of (F SEED), (F (NEXT SEED)) and so on until STOP? holds of the
seed, followed by (TAIL SEED)."
  (let loop ((seed seed) (elements '()))
    (if (stop? seed)
        (let add ((elements elements) (result (tail seed)))
          (if (null? elements)
              result
              (add (cdr elements) (vlist-cons (car elements) result))))
        (loop (next seed) (cons (f seed) elements)))))

(define* (vlist-unfold-right stop? f next seed #:optional (tail vlist-null))
  "Return a vlist as `vlist-unfold' does, built from the last element on, in front
of TAIL."
  (let loop ((seed seed) (result tail))
    (if (stop? seed)
        result
        (loop (next seed) (vlist-cons (f seed) result)))))

;;; Vhashes

(define (vhash? object)
  "Return whether OBJECT is a vhash."
  (and (vlist? object)
       (vlist-block object)
       (block-heads (vlist-block object))
       #t))

(define* (vhash-cons key value vhash #:optional (hash hash))
  "Return a vhash in which KEY, hashed by HASH, has VALUE, and else what VHASH
has."
  (assert-vlist vhash)
  (let* ((result (extend vhash (cons key value) #t))
         (block (vlist-block result))
         (index (- (vlist-count result) 1))
         (heads (block-heads block))
         (slot (hash key (vector-length heads))))
    (vector-set! (block-chains block) index (vector-ref heads slot))
    (vector-set! heads slot index)
    result))

(define (vhash-consq key value vhash)
  "Return a vhash in which KEY, by `eq?', has VALUE, and else what VHASH has."
  (vhash-cons key value vhash hashq))

(define (vhash-consv key value vhash)
  "Return a vhash in which KEY, by `eqv?', has VALUE, and else what VHASH has."
  (vhash-cons key value vhash hashv))

;; Call VISIT with each pair of VHASH that has KEY, the newest first, and
;; CONTINUE, a thunk that goes on; return FINISH's value at the end.
(define (search key vhash same? hash visit finish)
  (assert-vlist vhash)
  (let next-block ((vhash vhash))
    (let ((block (vlist-block vhash)))
      (cond
       ((not block) (finish))
       ((not (block-heads block))
        (scm-error 'wrong-type-arg #f "Not a vhash: ~S"
                   (list vhash) (list vhash)))
       (else
        (let ((heads (block-heads block))
              (chains (block-chains block))
              (elements (block-elements block))
              (count (vlist-count vhash)))
          (let loop ((index (vector-ref heads (hash key (vector-length heads)))))
            (cond
             ((not index) (next-block (rest-of block 0)))
             ;; Newer pairs of the block belong to other lists.
             ((>= index count) (loop (vector-ref chains index)))
             ((same? key (car (vector-ref elements index)))
              (visit (vector-ref elements index)
                     (lambda () (loop (vector-ref chains index)))))
             (else (loop (vector-ref chains index)))))))))))

(define (find-pair key vhash same? hash)
  (search key vhash same? hash (lambda (pair continue) pair) (lambda () #f)))

(define* (vhash-assoc key vhash #:optional (same? equal?) (hash hash))
  "Return the newest pair of VHASH whose key is SAME? as KEY, or #f.  HASH must be
what the pairs were added with."
  (find-pair key vhash same? hash))

(define (vhash-assq key vhash)
  "Return the newest pair of VHASH whose key is `eq?' to KEY, or #f."
  (find-pair key vhash eq? hashq))

(define (vhash-assv key vhash)
  "Return the newest pair of VHASH whose key is `eqv?' to KEY, or #f."
  (find-pair key vhash eqv? hashv))

(define* (vhash-fold* f initial key vhash #:optional (same? equal?) (hash hash))
  "Return the last result of F, called with each value of KEY in VHASH, the newest
first, and the result so far, which starts as INITIAL."
  (let ((result initial))
    (search key vhash same? hash
            (lambda (pair continue)
              (set! result (f (cdr pair) result))
              (continue))
            (lambda () result))))

(define (vhash-foldq* f initial key vhash)
  "Return what `vhash-fold*' does, comparing keys with `eq?'."
  (vhash-fold* f initial key vhash eq? hashq))

(define (vhash-foldv* f initial key vhash)
  "Return what `vhash-fold*' does, comparing keys with `eqv?'."
  (vhash-fold* f initial key vhash eqv? hashv))

(define* (vhash-delete key vhash #:optional (same? equal?) (hash hash))
  "Return a vhash of the pairs of VHASH whose key is not SAME? as KEY."
  (if (find-pair key vhash same? hash)
      (vlist-fold-right (lambda (pair result)
                          (if (same? key (car pair))
                              result
                              (vhash-cons (car pair) (cdr pair) result hash)))
                        vlist-null vhash)
      vhash))

(define (vhash-delq key vhash)
  "Return a vhash of the pairs of VHASH whose key is not `eq?' to KEY."
  (vhash-delete key vhash eq? hashq))

(define (vhash-delv key vhash)
  "Return a vhash of the pairs of VHASH whose key is not `eqv?' to KEY."
  (vhash-delete key vhash eqv? hashv))

(define (vhash-fold f initial vhash)
  "Return the last result of F, called with each key of VHASH, its value and the
result so far, which starts as INITIAL; the newest pair first."
  (vlist-fold (lambda (pair result) (f (car pair) (cdr pair) result))
              initial vhash))

(define (vhash-fold-right f initial vhash)
  "Return what `vhash-fold' does, the oldest pair first."
  (vlist-fold-right (lambda (pair result) (f (car pair) (cdr pair) result))
                    initial vhash))

(define* (alist->vhash alist #:optional (hash hash))
  "Return a vhash of ALIST, whose first pair is the newest, hashed by HASH."
  (let loop ((pairs (reverse alist)) (result vlist-null))
    (if (null? pairs)
        result
        (loop (cdr pairs)
              (vhash-cons (car (car pairs)) (cdr (car pairs)) result hash)))))
