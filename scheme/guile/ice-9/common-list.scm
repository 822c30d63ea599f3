;;; The list procedures that were there before (srfi srfi-1).

(define-module (ice-9 common-list)
  #:export (adjoin union intersection set-difference reduce-init reduce
            some every notany notevery count-if find-if member-if
            remove-if remove-if-not delete-if! delete-if-not! butlast
            and? or? has-duplicates? pick pick-mappings uniq)
  #:replace (reduce every))

(define (adjoin e l)
  "Return L with E in front, unless it has it (by `eq?')."
  (if (memq e l) l (cons e l)))

(define (union l1 l2)
  "Return L2 with the elements of L1 that it does not have in front."
  (if (null? l1)
      l2
      (union (cdr l1) (adjoin (car l1) l2))))

(define (intersection l1 l2)
  "Return the elements of L1 that are in L2."
  (filter (lambda (e) (memv e l2)) l1))

(define (set-difference l1 l2)
  "Return the elements of L1 that are not in L2."
  (filter (lambda (e) (not (memv e l2))) l1))

(define (reduce-init f initial list)
  "Return (F … (F (F INITIAL FIRST) SECOND) …)."
  (if (null? list)
      initial
      (reduce-init f (f initial (car list)) (cdr list))))

(define (reduce f list)
  "Return (F … (F FIRST SECOND) …); a list of at most one element is its own result."
  (cond ((null? list) list)
        ((null? (cdr list)) (car list))
        (else (reduce-init f (car list) (cdr list)))))

(define (some predicate list . rest)
  "Return the first true value of PREDICATE for the elements of the lists, or #f."
  (if (null? rest)
      (let loop ((list list))
        (and (pair? list)
             (or (predicate (car list)) (loop (cdr list)))))
      (let loop ((lists (cons list rest)))
        (and (not (or-map null? lists))
             (or (apply predicate (map car lists))
                 (loop (map cdr lists)))))))

(define (every predicate list . rest)
  "Return the last value of PREDICATE for the elements of the lists, or #f when
there is a false one."
  (let loop ((lists (cons list rest)) (last #t))
    (cond ((or-map null? lists) last)
          ((apply predicate (map car lists))
           => (lambda (value) (loop (map cdr lists) value)))
          (else #f))))

(define (notany predicate . lists)
  "Return whether PREDICATE holds for no elements of LISTS."
  (not (apply some predicate lists)))

(define (notevery predicate . lists)
  "Return whether PREDICATE fails for some elements of LISTS."
  (not (apply every predicate lists)))

(define (count-if predicate list)
  "Return for how many elements of LIST PREDICATE holds."
  (let loop ((list list) (count 0))
    (cond ((null? list) count)
          ((predicate (car list)) (loop (cdr list) (+ count 1)))
          (else (loop (cdr list) count)))))

(define (find-if predicate list)
  "Return the first element of LIST for which PREDICATE holds, or #f."
  (let ((found (member-if predicate list)))
    (and found (car found))))

(define (member-if predicate list)
  "Return LIST from the first element on for which PREDICATE holds, or #f."
  (cond ((null? list) #f)
        ((predicate (car list)) list)
        (else (member-if predicate (cdr list)))))

(define (pick predicate list)
  "Return the elements of LIST for which PREDICATE holds, the last one first."
  (fold (lambda (element found) (if (predicate element) (cons element found) found))
        '()
        list))

(define (remove-if predicate list)
  "Return the elements of LIST for which PREDICATE fails."
  (filter (lambda (element) (not (predicate element))) list))

(define (remove-if-not predicate list)
  "Return the elements of LIST for which PREDICATE holds."
  (filter predicate list))

(define (delete-if! predicate list)
  "Return LIST, which may be changed, without what PREDICATE holds for."
  (filter! (lambda (element) (not (predicate element))) list))

(define (delete-if-not! predicate list)
  "Return LIST, which may be changed, without what PREDICATE fails for."
  (filter! predicate list))

(define (butlast list n)
  "Return LIST without its last N elements."
  (list-head list (max 0 (- (length list) n))))

(define (and? . arguments)
  "Return whether all ARGUMENTS are true."
  (every identity arguments))

(define (or? . arguments)
  "Return whether one of ARGUMENTS is true."
  (and (some identity arguments) #t))

(define (has-duplicates? list)
  "Return whether LIST has an element twice (by `equal?')."
  (cond ((null? list) #f)
        ((member (car list) (cdr list)) #t)
        (else (has-duplicates? (cdr list)))))

(define (pick-mappings f list)
  "Return the true values of F for the elements of LIST."
  (filter identity (map f list)))

(define (uniq list)
  "Return LIST without elements that come again (by `memq')."
  (let loop ((list list) (result '()))
    (cond ((null? list) (reverse! result))
          ((memq (car list) result) (loop (cdr list) result))
          (else (loop (cdr list) (cons (car list) result))))))
