;;; Lists: what calls procedures.  First-order list operations are natives.
;;; SRFI 1's procedures are defined here as well, so that importing
;;; (srfi srfi-1) costs nothing for those a program does not use.

(define (%wrong-argument procedure object)
  (scm-error 'wrong-type-arg procedure "Wrong type argument: ~S" (cons object '()) '()))

(define (%no-pair procedure object)
  (scm-error 'wrong-type-arg procedure
             "Wrong type argument in position 1 (expecting pair): ~S"
             (cons object '()) (cons object '())))

(define (%no-list procedure position object)
  (scm-error 'wrong-type-arg procedure
             "Wrong type argument in position ~A (expecting ~A): ~S"
             (cons* position "list" object '()) (cons object '())))

;; The ends of several lists that have been gone through together.
(define (%check-rows rows complain)
  (if (pair? rows)
      (begin
        (if (not (or (pair? (car rows)) (null? (car rows))))
            (complain (car rows)))
        (%check-rows (cdr rows) complain))))

(define (%no-length object)
  (scm-error 'wrong-type-arg "length+"
             "Wrong type argument in position ~A (expecting ~A): ~S"
             (cons* 1 "proper or circular list" object '()) (cons object '())))

(define (%no-car object)
  (scm-error 'wrong-type-arg "car" "Wrong type (expecting ~A): ~S"
             (cons* "pair" object '()) (cons object '())))

(define (%not-a-list procedure object)
  (scm-error 'wrong-type-arg procedure "Not a list: ~S" (cons object '()) #f))

;; Guile's own `map' and `for-each' want lists of one length; SRFI 1's end with
;; the shortest.
(define (%check-lengths procedure list lists)
  (let ((count (length list)))
    (let loop ((rest lists))
      (if (pair? rest)
          (begin
            (if (not (= (length (car rest)) count))
                (scm-error 'wrong-type-arg procedure "List of wrong length: ~S"
                           (cons (car rest) '()) #f))
            (loop (cdr rest)))))))

(define (%map-one procedure list complain)
  (if (not (list? list)) (complain "map" list))
  (let loop ((rest list) (results '()))
    (if (pair? rest)
        (loop (cdr rest) (cons (procedure (car rest)) results))
        (reverse results))))

(define (%map-rows procedure rows)
  (let loop ((rows rows) (results '()))
    (if (%all-pairs? rows)
        (loop (%cdrs rows)
              (cons (%machine-apply procedure (%row rows)) results))
        (begin
          (%check-rows rows %no-length)
          (reverse results)))))

(define (map procedure list . lists)
  "Return the list of what PROCEDURE gives for the elements of LIST, in order."
  (if (null? lists)
      (%map-one procedure list %not-a-list)
      (begin
        (%check-lengths "map" list lists)
        (%map-rows procedure (cons list lists)))))

(define (%srfi-1-map procedure list . lists)
  "Return the list of what PROCEDURE gives for the elements of LIST, in order."
  (if (null? lists)
      (%map-one procedure list %wrong-argument)
      (%map-rows procedure (cons list lists))))

(define (map-in-order procedure list . lists)
  "Return the list of what PROCEDURE gives for the elements of LIST, in order."
  (apply %srfi-1-map procedure list lists))

(define (%for-each-one procedure list complain)
  (if (not (list? list)) (complain "for-each" list))
  (let loop ((rest list))
    (if (pair? rest)
        (begin
          (procedure (car rest))
          (loop (cdr rest))))))

(define (%for-each-rows procedure rows)
  (let loop ((rows rows))
    (if (%all-pairs? rows)
        (begin
          (%machine-apply procedure (%row rows))
          (loop (%cdrs rows)))
        (%check-rows rows %no-length))))

(define (for-each procedure list . lists)
  "Call PROCEDURE with each element of LIST, in order."
  (if (null? lists)
      (%for-each-one procedure list %not-a-list)
      (begin
        (%check-lengths "for-each" list lists)
        (%for-each-rows procedure (cons list lists)))))

(define (%srfi-1-for-each procedure list . lists)
  "Call PROCEDURE with each element of LIST, in order."
  (if (null? lists)
      (%for-each-one procedure list %wrong-argument)
      (%for-each-rows procedure (cons list lists))))

(define (and-map predicate list)
  "Return the last value of PREDICATE over LIST when all are true."
  (let loop ((result #t) (rest list))
    (if (and result (pair? rest))
        (loop (predicate (car rest)) (cdr rest))
        result)))

(define (or-map predicate list)
  "Return the first true value of PREDICATE over LIST."
  (let loop ((result #f) (rest list))
    (if (or result (null? rest))
        result
        (loop (predicate (car rest)) (cdr rest)))))

(define (%no-list-to procedure object)
  (scm-error 'wrong-type-arg procedure "Wrong type argument in position ~A: ~S"
             (cons* 2 object '()) (cons object '())))

(define (filter predicate list)
  "Return the elements of LIST for which PREDICATE holds."
  (if (not (list? list))
      (%no-list-to "filter" list))
  (let loop ((rest list) (kept '()))
    (if (pair? rest)
        (loop (cdr rest)
              (if (predicate (car rest)) (cons (car rest) kept) kept))
        (reverse kept))))

(define (filter! predicate list)
  "Return the elements of LIST for which PREDICATE holds."
  (filter predicate list))

(define (remove predicate list)
  "Return the elements of LIST for which PREDICATE does not hold."
  (if (not (list? list))
      (%no-list-to "remove" list))
  (let loop ((rest list) (kept '()))
    (if (pair? rest)
        (loop (cdr rest)
              (if (predicate (car rest)) kept (cons (car rest) kept)))
        (reverse kept))))

(define (remove! predicate list)
  "Return the elements of LIST for which PREDICATE does not hold."
  (remove predicate list))

(define (partition predicate list)
  "Return two values: the elements for which PREDICATE holds, and the others."
  (let loop ((rest list) (in '()) (out '()))
    (if (pair? rest)
        (if (predicate (car rest))
            (loop (cdr rest) (cons (car rest) in) out)
            (loop (cdr rest) in (cons (car rest) out)))
        (begin
          (if (not (null? rest))
              (%no-list-to "partition" list))
          (values (reverse in) (reverse out))))))

(define (partition! predicate list)
  "Return two values: the elements for which PREDICATE holds, and the others."
  (partition predicate list))

(define (fold procedure initial list . lists)
  "Call PROCEDURE with each element and what it gave before, beginning with INITIAL."
  (if (null? lists)
      (let loop ((rest list) (result initial))
        (if (pair? rest)
            (loop (cdr rest) (procedure (car rest) result))
            (begin
              (if (not (null? rest))
                  (%wrong-argument "fold" list))
              result)))
      (let loop ((rows (cons list lists)) (result initial))
        (if (%all-pairs? rows)
            (loop (%cdrs rows)
                  (%machine-apply procedure (%row rows result)))
            (begin
              (%check-rows rows %no-length)
              result)))))

(define (fold-right procedure initial list . lists)
  "Call PROCEDURE with each element and what it gave before, from the last one."
  (if (null? lists)
      (let loop ((rest (reverse list)) (result initial))
        (if (pair? rest)
            (loop (cdr rest) (procedure (car rest) result))
            result))
      (let loop ((columns (reverse (%transpose (cons list lists)))) (result initial))
        (if (pair? columns)
            (loop (cdr columns)
                  (apply procedure (append (car columns) (cons result '()))))
            result))))

(define (pair-fold procedure initial list . lists)
  "Call PROCEDURE with each pair of LIST and what it gave before."
  (if (null? lists)
      (let loop ((rest list) (result initial))
        (if (pair? rest)
            (let ((next (cdr rest)))
              (loop next (procedure rest result)))
            result))
      (let loop ((rows (cons list lists)) (result initial))
        (if (%all-pairs? rows)
            (let ((next (%cdrs rows)))
              (loop next (apply procedure (append rows (cons result '())))))
            result))))

(define (pair-fold-right procedure initial list . lists)
  "Call PROCEDURE with each pair of LIST and what it gave before, from the last."
  (if (null? lists)
      (let loop ((rest list))
        (if (pair? rest)
            (procedure rest (loop (cdr rest)))
            initial))
      (let loop ((rows (cons list lists)))
        (if (%all-pairs? rows)
            (apply procedure (append rows (cons (loop (%cdrs rows)) '())))
            initial))))

(define (reduce procedure default list)
  "Fold PROCEDURE over LIST, beginning with its first element; DEFAULT if there is none."
  (if (pair? list)
      (fold procedure (car list) (cdr list))
      (if (null? list)
          default
          (%no-pair "car" list))))

(define (reduce-right procedure default list)
  "Fold PROCEDURE over LIST from the right, beginning with its last element."
  (if (pair? list)
      (let ((reversed (reverse list)))
        (fold procedure (car reversed) (cdr reversed)))
      default))

(define* (unfold stop? mapper successor seed #:optional (tail-gen (lambda (x) '())))
  "Return the list of what MAPPER gives for SEED and its successors, until STOP?."
  (let loop ((seed seed) (results '()))
    (if (stop? seed)
        (append-reverse results (tail-gen seed))
        (loop (successor seed) (cons (mapper seed) results)))))

(define* (unfold-right stop? mapper successor seed #:optional (tail '()))
  "Return the list of what MAPPER gives for SEED and its successors, last first."
  (let loop ((seed seed) (results tail))
    (if (stop? seed)
        results
        (loop (successor seed) (cons (mapper seed) results)))))

(define (append-map procedure list . lists)
  "Return the lists that PROCEDURE gives for the elements of LIST, appended."
  (%concatenate (apply %srfi-1-map procedure list lists)))

(define (append-map! procedure list . lists)
  "Return the lists that PROCEDURE gives for the elements of LIST, appended."
  (%concatenate (apply %srfi-1-map procedure list lists)))

(define (map! procedure list . lists)
  "Return the list of what PROCEDURE gives for the elements of LIST."
  (apply %srfi-1-map procedure list lists))

(define (filter-map procedure list . lists)
  "Return the true values that PROCEDURE gives for the elements of LIST."
  (if (null? lists)
      (let loop ((rest list) (results '()))
        (if (pair? rest)
            (let ((result (procedure (car rest))))
              (loop (cdr rest) (if result (cons result results) results)))
            (if (null? rest)
                (reverse results)
                (%no-pair "car" rest))))
      (let loop ((rows (cons list lists)) (results '()))
        (if (%all-pairs? rows)
            (let ((result (%machine-apply procedure (%row rows))))
              (loop (%cdrs rows) (if result (cons result results) results)))
            (begin
              (%check-rows rows %no-car)
              (reverse results))))))

(define (pair-for-each procedure list . lists)
  "Call PROCEDURE with each pair of LIST."
  (let loop ((rows (cons list lists)))
    (if (%all-pairs? rows)
        (let ((next (%cdrs rows)))
          (apply procedure rows)
          (loop next)))))

(define (find predicate list)
  "Return the first element of LIST for which PREDICATE holds, or #f."
  (let loop ((rest list))
    (if (pair? rest)
        (if (predicate (car rest))
            (car rest)
            (loop (cdr rest)))
        (if (null? rest)
            #f
            (%no-pair "car" rest)))))

(define (find-tail predicate list)
  "Return the first pair of LIST for whose car PREDICATE holds, or #f."
  (let loop ((rest list))
    (if (pair? rest)
        (if (predicate (car rest))
            rest
            (loop (cdr rest)))
        (if (null? rest)
            #f
            (%no-pair "car" rest)))))

(define (take-while predicate list)
  "Return the elements at the beginning of LIST for which PREDICATE holds."
  (let loop ((rest list) (taken '()))
    (if (and (pair? rest) (predicate (car rest)))
        (loop (cdr rest) (cons (car rest) taken))
        (reverse taken))))

(define (take-while! predicate list)
  "Return the elements at the beginning of LIST for which PREDICATE holds."
  (take-while predicate list))

(define (drop-while predicate list)
  "Return LIST without the elements at its beginning for which PREDICATE holds."
  (let loop ((rest list))
    (if (and (pair? rest) (predicate (car rest)))
        (loop (cdr rest))
        rest)))

(define (span predicate list)
  "Return two values: the elements taken while PREDICATE holds, and the rest."
  (let loop ((rest list) (taken '()))
    (if (and (pair? rest) (predicate (car rest)))
        (loop (cdr rest) (cons (car rest) taken))
        (values (reverse taken) rest))))

(define (span! predicate list)
  "Return two values: the elements taken while PREDICATE holds, and the rest."
  (span predicate list))

(define (%srfi-1-break predicate list)
  "Return two values: the elements taken until PREDICATE holds, and the rest."
  (span (lambda (item) (not (predicate item))) list))

(define (any predicate list . lists)
  "Return the first true value of PREDICATE over LIST, or #f."
  (if (null? lists)
      (if (pair? list)
          (let loop ((item (car list)) (rest (cdr list)))
            (if (pair? rest)
                (or (predicate item) (loop (car rest) (cdr rest)))
                (if (null? rest)
                    (predicate item)
                    (or (predicate item) (%no-pair "cdr" rest)))))
          (if (null? list)
              #f
              (%no-pair "cdr" list)))
      (let loop ((rows (cons list lists)))
        (if (%all-pairs? rows)
            (or (%machine-apply predicate (%row rows)) (loop (%cdrs rows)))
            #f))))

(define (every predicate list . lists)
  "Return the last value of PREDICATE over LIST when all are true, or #f."
  (if (null? lists)
      (if (pair? list)
          (let loop ((item (car list)) (rest (cdr list)))
            (if (pair? rest)
                (and (predicate item) (loop (car rest) (cdr rest)))
                (if (null? rest)
                    (predicate item)
                    (and (predicate item) (%no-pair "cdr" rest)))))
          (if (null? list)
              #t
              (%no-pair "cdr" list)))
      (let loop ((rows (cons list lists)) (result #t))
        (if (%all-pairs? rows)
            (let ((result (%machine-apply predicate (%row rows))))
              (and result (loop (%cdrs rows) result)))
            result))))

(define (count predicate list . lists)
  "Return for how many elements of LIST PREDICATE holds."
  (if (null? lists)
      (let loop ((rest list) (total 0))
        (if (pair? rest)
            (loop (cdr rest) (if (predicate (car rest)) (+ total 1) total))
            (if (null? rest)
                total
                (%no-list "count" 2 list))))
      (let loop ((rows (cons list lists)) (total 0))
        (if (%all-pairs? rows)
            (loop (%cdrs rows)
                  (if (%machine-apply predicate (%row rows)) (+ total 1) total))
            (begin
              (let check ((rest rows) (position 2))
                (if (pair? rest)
                    (begin
                      (if (not (or (pair? (car rest)) (null? (car rest))))
                          (%no-list "count" position (car rest)))
                      (check (cdr rest) (+ position 1)))))
              total)))))

(define (list-index predicate list . lists)
  "Return the index of the first element of LIST for which PREDICATE holds, or #f."
  (if (procedure? predicate)
      (let loop ((rows (cons list lists)) (index 0))
        (if (%all-pairs? rows)
            (if (%machine-apply predicate (%row rows))
                index
                (loop (%cdrs rows) (+ index 1)))
            (begin
              (%check-rows rows %no-car)
              #f)))
      ;; Guile's own, of old: a list and an object.
      (%list-index-equal list predicate)))

(define (list-tabulate count procedure)
  "Return the list of what PROCEDURE gives for 0 to COUNT - 1."
  (if (not (and (exact-integer? count) (>= count 0)))
      (%wrong-argument "list-tabulate" count))
  (let loop ((index (- count 1)) (results '()))
    (if (< index 0)
        results
        (loop (- index 1) (cons (procedure index) results)))))

(define (circular-list first . rest)
  "Return a circular list of the arguments."
  (let ((list (cons first (list-copy rest))))
    (set-cdr! (last-pair list) list)
    list))

(define (proper-list? object)
  "Return whether OBJECT is a list that ends in the empty list."
  (list? object))

(define (circular-list? object)
  "Return whether OBJECT is a list without an end."
  (eqv? (%list-kind object) 2))

(define (dotted-list? object)
  "Return whether OBJECT ends in something that is not the empty list."
  (eqv? (%list-kind object) 1))

(define (null-list? list)
  "Return whether LIST is empty."
  (cond ((pair? list) #f)
        ((null? list) #t)
        (else (scm-error 'wrong-type-arg "null-list?"
                         "Wrong type argument in position ~A: ~S"
                         (cons* 1 list '()) (cons list '())))))

(define (list= same? . lists)
  "Return whether LISTS have the same length and elements that are SAME?."
  (let outer ((lists lists))
    (if (or (null? lists) (null? (cdr lists)))
        #t
        (let inner ((a (car lists)) (b (cadr lists)))
          (cond ((and (null? a) (null? b)) (outer (cdr lists)))
                ((or (null? a) (null? b)) #f)
                ((same? (car a) (car b)) (inner (cdr a) (cdr b)))
                (else #f))))))

(define (first list)
  "Return the first element of LIST."
  (car list))

(define (car+cdr pair)
  "Return two values: the car and the cdr of PAIR."
  (values (car pair) (cdr pair)))

(define (split-at list index)
  "Return two values: the first INDEX elements of LIST, and the rest."
  (values (list-head list index) (list-tail list index)))

(define (split-at! list index)
  "Return two values: the first INDEX elements of LIST, and the rest."
  (split-at list index))

(define (concatenate lists)
  "Return the lists in LISTS, appended."
  (%concatenate lists))

(define (concatenate! lists)
  "Return the lists in LISTS, appended."
  (%concatenate lists))

(define (zip list . lists)
  "Return a list of lists: of the first elements, of the second ones, and so on."
  (%transpose (cons list lists)))

(define (unzip1 lists)
  "Return the first elements of LISTS."
  (map first lists))

(define (unzip2 lists)
  "Return two values: the first and the second elements of LISTS."
  (values (map first lists) (map second lists)))

(define (unzip3 lists)
  "Return three values: the first, second and third elements of LISTS."
  (values (map first lists) (map second lists) (map third lists)))

(define (unzip4 lists)
  "Return four values: the first to fourth elements of LISTS."
  (values (map first lists) (map second lists) (map third lists) (map fourth lists)))

(define (unzip5 lists)
  "Return five values: the first to fifth elements of LISTS."
  (values (map first lists) (map second lists) (map third lists) (map fourth lists)
          (map fifth lists)))

(define* (delete-duplicates list #:optional same?)
  "Return LIST with only the first of elements that are SAME?."
  (if same?
      (let loop ((rest list) (kept '()))
        (if (pair? rest)
            (loop (cdr rest)
                  (if (any (lambda (item) (same? item (car rest))) (reverse kept))
                      kept
                      (cons (car rest) kept)))
            (reverse kept)))
      (%delete-duplicates list)))

(define* (delete-duplicates! list #:optional same?)
  "Take from LIST all but the first of elements that are SAME?, and return it."
  (if (pair? list)
      (let loop ((last list) (rest (cdr list)) (kept (cdr (delete-duplicates list same?))))
        (cond ((null? kept) (set-cdr! last '()))
              ((eq? (car rest) (car kept))
               (set-cdr! last rest)
               (loop rest (cdr rest) (cdr kept)))
              (else (loop last (cdr rest) kept)))))
  list)

(define (alist-cons key value alist)
  "Return ALIST with an entry for KEY in front."
  (cons (cons key value) alist))

(define* (alist-delete key alist #:optional (same? equal?))
  "Return ALIST without the entries whose key is SAME? as KEY."
  (remove (lambda (entry) (same? key (car entry))) alist))

(define* (alist-delete! key alist #:optional (same? equal?))
  "Return ALIST without the entries whose key is SAME? as KEY."
  (alist-delete key alist same?))

;;; Sets.

(define (%lset-member? same? item list)
  (any (lambda (other) (same? other item)) list))

(define (lset<= same? . lists)
  "Return whether each of LISTS is a subset of the next one."
  (let loop ((lists lists))
    (or (null? lists)
        (null? (cdr lists))
        (and (every (lambda (item) (any (lambda (other) (same? item other)) (cadr lists)))
                    (car lists))
             (loop (cdr lists))))))

(define (lset= same? . lists)
  "Return whether LISTS have the same elements."
  (let loop ((lists lists))
    (or (null? lists)
        (null? (cdr lists))
        (and (lset<= same? (car lists) (cadr lists))
             (every (lambda (item) (any (lambda (other) (same? other item)) (car lists)))
                    (cadr lists))
             (loop (cdr lists))))))

(define (lset-adjoin same? list . items)
  "Return LIST with those of ITEMS in front that are not in it."
  (fold (lambda (item result)
          (if (%lset-member? same? item result)
              result
              (cons item result)))
        list items))

(define (lset-union same? . lists)
  "Return the elements of all LISTS."
  (if (null? lists)
      '()
      (fold (lambda (list result)
              (cond ((null? list) result)
                    ((null? result) list)
                    ((eq? list result) result)
                    (else
                     (fold (lambda (item result)
                             (if (any (lambda (other) (same? other item)) result)
                                 result
                                 (cons item result)))
                           result list))))
            (car lists) (cdr lists))))

(define (lset-intersection same? list . lists)
  "Return the elements of LIST that are in all LISTS."
  (filter (lambda (item)
            (every (lambda (other) (any (lambda (x) (same? item x)) other)) lists))
          list))

(define (lset-difference same? list . lists)
  "Return the elements of LIST that are in none of LISTS."
  (filter (lambda (item)
            (every (lambda (other)
                     (not (any (lambda (x) (same? item x)) other)))
                   lists))
          list))

(define (lset-xor same? . lists)
  "Return the elements that are in an odd number of LISTS."
  (if (null? lists)
      '()
      (reduce (lambda (b a)
                (append (filter (lambda (item) (not (any (lambda (x) (same? x item)) a))) b)
                        (filter (lambda (item) (not (any (lambda (x) (same? item x)) b))) a)))
              '() lists)))

(define (lset-diff+intersection same? list . lists)
  "Return two values: what lset-difference gives, and the rest of LIST."
  (partition (lambda (item)
               (every (lambda (other)
                        (not (any (lambda (x) (same? item x)) other)))
                      lists))
             list))

(define (lset-union! same? . lists)
  "Return the elements of all LISTS."
  (apply lset-union same? lists))

(define (lset-intersection! same? list . lists)
  "Return the elements of LIST that are in all LISTS."
  (apply lset-intersection same? list lists))

(define (lset-difference! same? list . lists)
  "Return the elements of LIST that are in none of LISTS."
  (if (not (procedure? same?))
      (scm-error 'wrong-type-arg "lset-difference!"
                 "Wrong type argument in position ~A: ~S"
                 (cons* 1 same? '()) (cons same? '())))
  (if (not (list? list))
      (%no-list "lset-difference!" 2 list))
  (apply lset-difference same? list lists))

(define (lset-xor! same? . lists)
  "Return the elements that are in an odd number of LISTS."
  (apply lset-xor same? lists))

(define (lset-diff+intersection! same? list . lists)
  "Return two values: what lset-difference gives, and the rest of LIST."
  (apply lset-diff+intersection same? list lists))

;;; Sorting.

(define (%merge-lists a b less?)
  (let loop ((a a) (b b) (merged '()))
    (cond ((null? a) (append-reverse merged b))
          ((null? b) (append-reverse merged a))
          ((less? (car b) (car a))
           (loop a (cdr b) (cons (car b) merged)))
          (else
           (loop (cdr a) b (cons (car a) merged))))))

(define (%merge-sort list count less?)
  (cond ((eqv? count 1) (cons (car list) '()))
        ((eqv? count 2)
         (if (less? (cadr list) (car list))
             (cons (cadr list) (cons (car list) '()))
             (cons (car list) (cons (cadr list) '()))))
        (else
         (let ((half (quotient count 2)))
           (%merge-lists (%merge-sort list half less?)
                         (%merge-sort (list-tail list half) (- count half) less?)
                         less?)))))

(define (stable-sort items less?)
  "Return ITEMS, a list or vector, in the order of LESS?."
  (sort items less?))

(define (sort items less?)
  "Return ITEMS, a list or vector, in the order of LESS?."
  (or (%sort-natively items less?)
      (cond ((null? items) '())
            ((list? items)
             (%merge-sort items (length items) less?))
            ((vector? items)
             (list->vector (sort (vector->list items) less?)))
            ((%one-dimension? items)
             (let ((sorted (make-typed-array (array-type items) *unspecified*
                                             (array-length items))))
               (%fill-from-list! sorted (sort (array->list items) less?))
               sorted))
            (else
             (scm-error 'wrong-type-arg "sort" "Wrong type argument in position ~A: ~S"
                        (cons* 1 items '()) (cons items '()))))))

(define (sort! items less?)
  "Sort ITEMS; a list's result is what is returned."
  (if (vector? items)
      (begin
        (vector-copy! items 0 (sort items less?))
        items)
      (if (%one-dimension? items)
          (begin
            (%fill-from-list! items (sort (array->list items) less?))
            items)
          (sort items less?))))

(define (%one-dimension? object)
  (and (array? object)
       (not (string? object))
       (eqv? (array-rank object) 1)))

(define (%fill-from-list! array list)
  (let loop ((number 0) (list list))
    (if (pair? list)
        (begin
          (%array-set-nth! array number (car list))
          (loop (+ number 1) (cdr list))))))

(define (stable-sort! items less?)
  "Sort ITEMS; a list's result is what is returned."
  (sort! items less?))

(define (sort-list list less?)
  "Return LIST in the order of LESS?."
  (sort list less?))

(define (sort-list! list less?)
  "Return LIST in the order of LESS?."
  (sort list less?))

(define (restricted-vector-sort! vector less? start end)
  "Sort the elements of VECTOR from START to END."
  (vector-copy! vector start
                (sort (vector-copy vector start end) less?)))

(define (sorted? items less?)
  "Return whether ITEMS, a list or vector, is in the order of LESS?."
  (let ((list (if (%one-dimension? items) (array->list items) items)))
    (or (null? list)
        (let loop ((item (car list)) (rest (cdr list)))
          (or (null? rest)
              (and (not (less? (car rest) item))
                   (loop (car rest) (cdr rest))))))))

(define (merge a b less?)
  "Return the sorted lists A and B merged."
  (%merge-lists a b less?))

(define (merge! a b less?)
  "Return the sorted lists A and B merged."
  (%merge-lists a b less?))

;;; Vectors.

(define (vector-map procedure vector . vectors)
  "Return the vector of what PROCEDURE gives for the elements of VECTOR."
  (list->vector (apply %srfi-1-map procedure (vector->list vector) (map vector->list vectors))))

(define (vector-for-each procedure vector . vectors)
  "Call PROCEDURE with each element of VECTOR."
  (if (null? vectors)
      (let ((count (vector-length vector)))
        (let loop ((index 0))
          (if (< index count)
              (begin
                (procedure (vector-ref vector index))
                (loop (+ index 1))))))
      (apply %srfi-1-for-each procedure (vector->list vector) (map vector->list vectors))))

(define (vector-binary-search vector key compare)
  "Return the element of sorted VECTOR that COMPARE says is KEY, or #f."
  (let loop ((low 0) (high (- (vector-length vector) 1)))
    (and (<= low high)
         (let* ((middle (quotient (+ low high) 2))
                (order (compare (vector-ref vector middle) key)))
           (cond ((zero? order) (vector-ref vector middle))
                 ((negative? order) (loop (+ middle 1) high))
                 (else (loop low (- middle 1))))))))

;;; Procedures.

(define (identity object)
  "Return OBJECT."
  object)

(define (const value)
  "Return a procedure that returns VALUE for any arguments."
  (lambda arguments value))

(define (negate predicate)
  "Return a procedure that holds where PREDICATE does not."
  (lambda arguments (not (apply predicate arguments))))

(define (compose procedure . procedures)
  "Return a procedure that applies the last of the procedures first."
  (if (null? procedures)
      procedure
      (let ((rest (apply compose procedures)))
        (lambda arguments
          (call-with-values (lambda () (apply rest arguments)) procedure)))))

(define (apply-to-args arguments procedure)
  "Apply PROCEDURE to ARGUMENTS."
  (apply procedure arguments))

(define (noop . arguments)
  "Do nothing; return the first argument, or #f without one."
  (and (pair? arguments) (car arguments)))

(define (xcons a b)
  "Return the pair of B and A."
  (cons b a))

;;; Trees and kinds.

(define (copy-tree object)
  "Return OBJECT with its pairs and vectors copied, to any depth."
  (cond ((pair? object)
         (if (eqv? (%list-kind object) 2)
             (scm-error 'wrong-type-arg "copy-tree" "Wrong type argument in position ~A: ~S"
                        (cons* 1 object '()) (cons object '())))
         (let loop ((rest object) (copied '()))
           (if (pair? rest)
               (loop (cdr rest) (cons (copy-tree (car rest)) copied))
               (append-reverse copied (copy-tree rest)))))
        ((vector? object)
         (list->vector (map copy-tree (vector->list object))))
        (else object)))

(define (->bool object)
  "Return #f when OBJECT is #f, and #t otherwise."
  (if object #t #f))

(define (boolean? object)
  "Tell whether OBJECT is #t or #f."
  (or (eq? object #t) (eq? object #f)))


(define (unspecified? object)
  "Tell whether OBJECT is what expressions without a result return."
  (eq? object (if #f #f)))

(define (and=> value procedure)
  "Return what PROCEDURE gives for VALUE, or #f when VALUE is false."
  (and value (procedure value)))

;;; What `match' makes of (STEP *** PATTERN).

(define (%match-search tree step pattern count)
  "Look for a part of TREE that PATTERN matches, below nodes whose heads STEP
matches.  Return COUNT lists of what STEP gave on the way and then what PATTERN
gave, or #f."
  (define (at node way)
    (let ((found (pattern node)))
      (if found
          (append (let columns ((index 0))
                    (if (= index count)
                        '()
                        (cons (reverse (map (lambda (values) (list-ref values index)) way))
                              (columns (+ index 1)))))
                  found)
          (below node way))))
  (define (below node way)
    (and (pair? node)
         (let ((values (step (car node))))
           (and values
                (let children ((rest (cdr node)))
                  (and (pair? rest)
                       (or (at (car rest) (cons values way))
                           (children (cdr rest)))))))))
  (at tree '()))
