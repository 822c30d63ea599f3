;;; SXML turned into something else by rules, tag by tag.
;;;
;;; Source: GNU Guile reference manual, "Transforming SXML".

(define-module (sxml transform)
  #:use-module (srfi srfi-1)
  #:export (SRV:send-reply foldts post-order pre-post-order replace-range))

(define (SRV:send-reply . fragments)
  "Write FRAGMENTS: strings, characters, numbers, procedures, which are called, and lists
of these; return whether anything was written."
  (let loop ((fragments fragments) (wrote? #f))
    (cond
     ((null? fragments) wrote?)
     ((not (car fragments)) (loop (cdr fragments) wrote?))
     ((null? (car fragments)) (loop (cdr fragments) wrote?))
     ((eq? #t (car fragments)) (loop (cdr fragments) #t))
     ((pair? (car fragments))
      (loop (cdr fragments) (loop (car fragments) wrote?)))
     ((procedure? (car fragments))
      ((car fragments))
      (loop (cdr fragments) #t))
     (else
      (display (car fragments))
      (loop (cdr fragments) #t)))))

(define (foldts down up leaf seed tree)
  "Return a seed that has gone through TREE: DOWN of seed and node on the way in, LEAF of
seed and what is no pair, UP of the seed before, the kids' seed and node on the way out."
  (if (pair? tree)
      (up seed
          (fold (lambda (kid seed) (foldts down up leaf seed kid))
                (down seed tree)
                (cdr tree))
          tree)
      (leaf seed tree)))

(define (pre-post-order tree bindings)
  "Return what TREE becomes when BINDINGS are applied.  A binding is (TAG . HANDLER),
with kids transformed first; (TAG *preorder* . HANDLER), with the node as it is;
(TAG *macro* . HANDLER), whose result is transformed; or (TAG BINDINGS . HANDLER), with
BINDINGS before the others for what is below.  Tags *text* and *default* stand for
strings and whatever has no other."
  (let ((default (assq '*default* bindings))
        (text (assq '*text* bindings)))
    (define (missing tree)
      (scm-error 'misc-error #f "Unknown binding for  ~S ~S" (list tree " and no default") #f))
    (cond
     ((not (pair? tree))
      (let ((binding (or text default)))
        (cond ((not binding) (missing tree))
              ((eq? binding text) ((cdr binding) '*text* tree))
              (else ((cdr binding) '*default* tree)))))
     ((not (symbol? (car tree)))
      (map (lambda (item) (pre-post-order item bindings)) tree))
     (else
      (let ((binding (or (assq (car tree) bindings)
                         default
                         (missing (car tree)))))
        (define (transformed bindings)
          (map (lambda (kid) (pre-post-order kid bindings)) (cdr tree)))
        (cond
         ((not (pair? (cdr binding)))
          (apply (cdr binding) (car tree) (transformed bindings)))
         ((eq? '*preorder* (cadr binding))
          (apply (cddr binding) tree))
         ((eq? '*macro* (cadr binding))
          (pre-post-order (apply (cddr binding) tree) bindings))
         (else
          (apply (cddr binding) (car tree)
                 (transformed (append (cadr binding) bindings))))))))))

(define post-order pre-post-order)

(define (replace-range begin? end? forest)
  "Return FOREST with ranges replaced: where BEGIN? of a node is a list, that list stands
for the node and what follows it, up to a node for which END? gives a list, which comes
after."
  (define (lift kids kept)
    ;; Kids outside of a range; the result is reversed.
    (cond
     ((null? kids) kept)
     ((begin? (car kids))
      => (lambda (replacement)
           (skip (cdr kids) (append (reverse replacement) kept))))
     ((pair? (car kids))
      (lift (cdr kids) (cons (reverse (lift (car kids) '())) kept)))
     (else (lift (cdr kids) (cons (car kids) kept)))))
  (define (skip kids kept)
    (cond
     ((null? kids) kept)
     ((end? (car kids)) => (lambda (rest) (lift (append rest (cdr kids)) kept)))
     (else (skip (cdr kids) kept))))
  (reverse (lift forest '())))
