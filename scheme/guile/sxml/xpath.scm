;;; XPath over SXML: converters from nodesets to nodesets, and the short form that
;;; makes them.
;;;
;;; Source: GNU Guile reference manual, "SXPath"; XML Path Language 1.0.

(define-module (sxml xpath)
  #:use-module (ice-9 match)
  #:use-module ((srfi srfi-1) #:prefix list:)
  #:replace (filter)
  #:export (nodeset? node-typeof? node-eq? node-equal? node-pos
            take-until take-after map-union node-reverse node-trace
            select-kids node-self node-join node-reduce node-or node-closure node-parent
            sxpath))

(define (nodeset? object)
  "Return whether OBJECT is a set of nodes: a list that is not a node itself."
  (or (null? object)
      (and (pair? object) (not (symbol? (car object))))))

(define (as-nodeset object)
  (if (nodeset? object) object (list object)))

(define (element? node)
  (and (pair? node) (not (memq (car node) '(@ @@ *PI* *COMMENT* *ENTITY*)))))

(define (node-typeof? criterion)
  "Return a predicate of nodes: of elements called CRITERION, or of any element (*),
any node (*any*), texts (*text*), and others whose tag CRITERION is."
  (lambda (node)
    (case criterion
      ((*) (element? node))
      ((*any*) #t)
      ((*text*) (string? node))
      (else (and (pair? node) (eq? criterion (car node)))))))

(define (node-eq? other)
  "Return a predicate of what is `eq?' to OTHER."
  (lambda (node) (eq? other node)))

(define (node-equal? other)
  "Return a predicate of what is `equal?' to OTHER."
  (lambda (node) (equal? other node)))

(define (node-pos number)
  "Return a converter that keeps the node at NUMBER, counted from 1, or from the end
where that is negative."
  (lambda (nodes)
    (let* ((nodes (as-nodeset nodes))
           (index (if (positive? number)
                      (- number 1)
                      (+ (length nodes) number))))
      (if (and (not (zero? number)) (< -1 index (length nodes)))
          (list (list-ref nodes index))
          '()))))

(define (filter keep?)
  "Return a converter that keeps the nodes for which KEEP?, a predicate or a converter,
gives something: neither #f nor an empty nodeset."
  (lambda (nodes)
    (list:filter (lambda (node)
                   (let ((given (keep? node)))
                     (and given (not (null? given)))))
                 (as-nodeset nodes))))

(define (take-until stop?)
  "Return a converter that keeps the nodes before the first for which STOP? holds."
  (lambda (nodes)
    (list:take-while (lambda (node) (not (stop? node))) (as-nodeset nodes))))

(define (take-after stop?)
  "Return a converter that keeps the nodes after the first for which STOP? holds."
  (lambda (nodes)
    (let ((found (list:find-tail stop? (as-nodeset nodes))))
      (if found (cdr found) '()))))

(define (map-union procedure items)
  "Return one nodeset of what PROCEDURE makes of ITEMS: nodes and nodesets."
  (list:append-map (lambda (item) (as-nodeset (procedure item))) items))

(define (node-reverse node-or-nodeset)
  "Return the nodes in reverse."
  (reverse (as-nodeset node-or-nodeset)))

(define (node-trace title)
  "Return a converter that shows TITLE and the nodes, and keeps them."
  (lambda (nodes)
    (display "\n-->")
    (display title)
    (display " :")
    (write nodes)
    (newline)
    nodes))

(define (select-kids keep?)
  "Return a converter to the kids for which KEEP? holds."
  (lambda (node)
    (cond
     ((null? node) node)
     ((not (pair? node)) '())
     ((symbol? (car node)) ((filter keep?) (cdr node)))
     (else (map-union (select-kids keep?) node)))))

(define (node-self keep?)
  "Return a converter that keeps the nodes for which KEEP? holds."
  (filter keep?))

(define (node-join . converters)
  "Return a converter that applies CONVERTERS in turn, each to every node of the last."
  (lambda (nodes)
    (let loop ((nodes nodes) (converters converters))
      (if (null? converters)
          nodes
          (loop (if (nodeset? nodes)
                    (map-union (car converters) nodes)
                    ((car converters) nodes))
                (cdr converters))))))

(define (node-reduce . converters)
  "Return a converter that applies CONVERTERS in turn, each to the whole of the last."
  (lambda (nodes)
    (list:fold (lambda (converter nodes) (converter nodes)) nodes converters)))

(define (node-or . converters)
  "Return a converter to all that CONVERTERS give."
  (lambda (nodes)
    (list:append-map (lambda (converter) (as-nodeset (converter nodes))) converters)))

(define (node-closure keep?)
  "Return a converter to the descendants for which KEEP? holds."
  (lambda (node)
    (let loop ((parents node) (result '()))
      (if (null? parents)
          result
          (loop ((select-kids element?) parents)
                (append result ((select-kids keep?) parents)))))))

(define (node-parent root)
  "Return a converter to the parents, below or at ROOT, of nodes and attributes."
  (define (kids-of node)
    (list:append-map (lambda (kid)
                       (if (and (pair? kid) (eq? '@ (car kid)))
                           (cdr kid)
                           (list kid)))
                     (cdr node)))
  (define (parents-of node)
    (let search ((candidates (as-nodeset root)))
      (list:append-map
       (lambda (candidate)
         (if (pair? candidate)
             (append (if (memq node (kids-of candidate)) (list candidate) '())
                     (search (list:filter pair? (cdr candidate))))
             '()))
       candidates)))
  (lambda (nodes)
    (list:append-map parents-of (as-nodeset nodes))))

(define (sxpath path)
  "Return the converter that PATH, a list of steps, describes: a tag or another
criterion of `node-typeof?'; // for all that is below; (equal? NODE), (eq? NODE); a
procedure; and (STEP PREDICATE …), where a predicate is a position or a path that must
find something."
  (lambda (nodes)
    (let loop ((nodes nodes) (path path))
      (match path
        (() nodes)
        (('// . rest)
         (loop ((if (nodeset? nodes)
                    (lambda (nodes) (map-union all-of nodes))
                    all-of)
                nodes)
               rest))
        ((step . rest)
         (loop ((step->converter step) nodes) rest))))))

(define (all-of node)
  ;; NODE and what is below, as nodes whose kids can be selected.
  (cons node ((node-closure element?) node)))

(define (step->converter step)
  (match step
    ((? symbol? tag) (select-kids (node-typeof? tag)))
    ((? procedure? converter) converter)
    (('equal? node) (select-kids (node-equal? node)))
    (('eq? node) (select-kids (node-eq? node)))
    ((inner . predicates)
     (let ((select (if (symbol? inner)
                       (select-kids (node-typeof? inner))
                       (sxpath inner))))
       (lambda (nodes)
         ;; Positions count among the kids of one node.
         (map-union (lambda (node)
                      (list:fold filter-by
                                 (as-nodeset (select node))
                                 predicates))
                    (as-nodeset nodes)))))
    (_ (error "invalid path step:" step))))

(define (filter-by predicate nodes)
  (cond
   ((number? predicate) ((node-pos predicate) nodes))
   (else
    (let ((select (sxpath predicate)))
      (list:filter (lambda (node) (pair? (as-nodeset (select node)))) nodes)))))
