;;; Folds over trees of SXML.
;;;
;;; Source: GNU Guile reference manual, "SXML Tree Fold".

(define-module (sxml fold)
  #:use-module (srfi srfi-1)
  #:export (foldt foldts foldts* fold-values foldts*-values fold-layout))

(define (atom? tree)
  "Return whether TREE has no kids: the empty list is a leaf."
  (not (pair? tree)))

(define (foldt node leaf tree)
  "Return NODE of the list of what TREE's kids become; LEAF of what is no pair."
  (if (atom? tree)
      (leaf tree)
      (node (map (lambda (kid) (foldt node leaf kid)) tree))))

(define (foldts down up leaf seed tree)
  "Return a seed that has gone through TREE: DOWN of seed and node on the way in, LEAF of
seed and what is no pair, UP of the seed before, the kids' seed and node on the way out."
  (if (atom? tree)
      (leaf seed tree)
      (up seed
          (fold (lambda (kid seed) (foldts down up leaf seed kid))
                (down seed tree)
                tree)
          tree)))

(define (foldts* down up leaf seed tree)
  "Do as `foldts', with a DOWN that returns seed and node, whose kids are gone through."
  (if (atom? tree)
      (leaf seed tree)
      (call-with-values (lambda () (down seed tree))
        (lambda (inner node)
          (up seed
              (fold (lambda (kid seed) (foldts* down up leaf seed kid)) inner node)
              node)))))

(define (fold-values procedure list . seeds)
  "Return the seeds, as several values, after PROCEDURE has been called with each item
of LIST and the seeds, which it returns anew."
  (if (null? list)
      (apply values seeds)
      (call-with-values (lambda () (apply procedure (car list) seeds))
        (lambda seeds
          (apply fold-values procedure (cdr list) seeds)))))

(define (foldts*-values down up leaf tree . seeds)
  "Do as `foldts*' with several seeds: DOWN and LEAF take the node first and DOWN
returns it before the seeds; UP takes the node, the seeds before and the kids' seeds."
  (if (atom? tree)
      (apply leaf tree seeds)
      (call-with-values (lambda () (apply down tree seeds))
        (lambda (node . inner)
          (call-with-values
              (lambda ()
                (apply fold-values
                       (lambda (kid . seeds)
                         (apply foldts*-values down up leaf kid seeds))
                       node inner))
            (lambda kids
              (apply up node (append seeds kids))))))))

(define (fold-layout tree bindings params layout stylesheet)
  "Return what TREE, a document in SXML, becomes, and the layout after it.  BINDINGS are (TAG . HANDLER), or (TAG PART …) with the parts
(pre-layout . PROCEDURE), called with the node, the parameters around it and the layout
before the kids are laid out and returning a layout, (bindings . BINDINGS), for the kids, and
(post . HANDLER).  A handler is called with the tag, the parameters, the layout before
and after the kids, and what those became; that of *text* with the text, the parameters
and the layout.  Parameters are a list of what STYLESHEET has for the tags around,
innermost first, with PARAMS at the end.  Tag *default* stands for all others.  Handlers return the layout, and what their node
becomes."
  (define (handler-of tag bindings)
    (or (assq-ref bindings tag) (assq-ref bindings '*default*)))
  (define (part binding name)
    (if (procedure? binding)
        (and (eq? name 'post) binding)
        (assq-ref binding name)))
  (define (refuse tag params layout after kids)
    (error "no binding available" (list tag params layout after kids)))
  (define (walk tree bindings params layout)
    (if (pair? tree)
        (let* ((tag (car tree))
               (binding (or (handler-of tag bindings) '()))
               (outer params)
               (params (cons (or (assq-ref stylesheet tag) '()) params))
               (pre (part binding 'pre-layout))
               (inner (append (or (part binding 'bindings) '()) bindings)))
          (let loop ((kids (cdr tree))
                     (after (if pre (pre tree outer layout) layout))
                     (done '()))
            (if (null? kids)
                ((or (part binding 'post) refuse)
                 tag params layout after (reverse done))
                (call-with-values (lambda () (walk (car kids) inner params after))
                  (lambda (after become)
                    (loop (cdr kids) after (cons become done)))))))
        ((or (assq-ref bindings '*text*)
             (error "no binding for text in" bindings))
         tree params layout)))
  (call-with-values (lambda () (walk tree bindings (list params) layout))
    (lambda (layout become)
      (values become layout))))
