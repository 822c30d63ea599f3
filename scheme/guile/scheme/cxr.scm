;;; R7RS compositions of car and cdr.

(define-module (scheme cxr)
  #:re-export (caaaar caaadr caaar caadar caaddr caadr cadaar cadadr cadar
               caddar cadddr caddr cdaaar cdaadr cdaar cdadar cdaddr cdadr
               cddaar cddadr cddar cdddar cddddr cdddr))
