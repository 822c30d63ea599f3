;;; SRFI 1: list library.
;;;
;;; The procedures are part of module (guile) here; this module gives them
;;; the names and the place that programs know.
;;;
;;; Source: SRFI 1.

(define-module (srfi srfi-1)
  #:re-export ((%srfi-1-break . break)
               (%srfi-1-break . break!)
               (%srfi-1-map . map) (%srfi-1-for-each . for-each)
               xcons cons* make-list list-tabulate list-copy circular-list iota
               proper-list? circular-list? dotted-list? not-pair? null-list? list=
               first second third fourth fifth sixth seventh eighth ninth tenth
               car+cdr take drop take-right drop-right take! drop-right!
               split-at split-at! last last-pair
               length+ concatenate concatenate! reverse! append! append-reverse append-reverse!
               zip unzip1 unzip2 unzip3 unzip4 unzip5 count
               fold fold-right pair-fold pair-fold-right reduce reduce-right
               unfold unfold-right append-map append-map! map! map-in-order
               pair-for-each filter-map
               filter partition remove filter! partition! remove!
               find find-tail take-while take-while! drop-while span span!
               any every list-index member delete delete! delete-duplicates delete-duplicates!
               assoc alist-cons alist-copy alist-delete alist-delete!
               lset<= lset= lset-adjoin lset-union lset-union! lset-intersection
               lset-intersection! lset-difference lset-difference! lset-xor lset-xor!
               lset-diff+intersection lset-diff+intersection!
               cons list car cdr caar cadr cdar cddr
               caaar caadr cadar caddr cdaar cdadr cddar cdddr
               caaaar caaadr caadar caaddr cadaar cadadr caddar cadddr
               cdaaar cdaadr cdadar cdaddr cddaar cddadr cdddar cddddr
               pair? null? append reverse length
               list-ref memq memv assq assv set-car! set-cdr!))
