;;; Trees of SXML transformed by templates, as XSLT does.
;;;
;;; Source: GNU Guile reference manual, "(sxml apply-templates)".

(define-module (sxml apply-templates)
  #:use-module (srfi srfi-1)
  #:use-module ((sxml xpath) #:select (node-typeof? nodeset?))
  #:export (apply-templates))

(define (apply-templates tree templates)
  "Walk TREE from its root and return a list of what the handlers of TEMPLATES make of the
nodes that they match, in order; what a handler is given is not walked further.  When TREE
itself matches, return what its handler returns.  A template is a list of node tests, as
`node-typeof?' takes them, for a node's ancestors and the node, that ends in its handler:
(TEST … . HANDLER).

Throw misc-error when several templates match one node."
  (define (list-of results)
    ;; RESULTS in one list: lists of nodes are joined, a node is one element.
    (append-map (lambda (result)
                  (if (nodeset? result) result (list result)))
                results))
  (define (walk tree begun)
    ;; BEGUN are what is left of the templates that matched the parent.
    (if (nodeset? tree)
        (list-of (map (lambda (node) (walk node begun)) tree))
        (let* ((left (filter-map (lambda (template)
                                   (and (pair? template)
                                        ((node-typeof? (car template)) tree)
                                        (cdr template)))
                                 (append begun templates)))
               (handlers (filter procedure? left)))
          (cond
           ((null? handlers)
            (if (and (pair? tree) (pair? (cdr tree)))
                (list-of (map (lambda (node) (walk node left)) (cdr tree)))
                '()))
           ((null? (cdr handlers)) ((car handlers) tree))
           (else (scm-error 'misc-error #f "ambiguous template match" '() #f))))))
  (walk tree '()))
