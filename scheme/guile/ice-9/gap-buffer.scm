;;; Text with a point in it, at which it is changed, as an editor has it.  Points are counted
;;; from 1, as in Emacs.
;;;
;;; What stands before the point and what stands after it are two stacks of characters, so
;;; that a change costs nothing, and moving the point as much as it moves.
;;;
;;; Source: GNU Emacs Lisp reference manual, "Positions" and "Text"; names and results were
;;; read off Guile 3.0.8.

(define-module (ice-9 gap-buffer)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:use-module (ice-9 textual-ports)
  #:export (gb? make-gap-buffer gb-point gb-point-min gb-point-max gb-goto-char
            gb-insert-char! gb-insert-string! gb-delete-char! gb-erase!
            gb->string gb->lines gb-filter! gb-filter-lines! make-gap-buffer-port))

(define-record-type gap-buffer
  (%make-gap-buffer before count after left)
  gb?
  ;; The characters before the point, last one first, and how many they are.
  (before before set-before!)
  (count count set-count!)
  ;; Those after it, first one first.
  (after after set-after!)
  (left left set-left!))

(set-record-type-printer!
 gap-buffer
 (lambda (buffer port)
   (format port "#<gap-buffer ~s ~s>"
           (reverse-list->string (before buffer))
           (list->string (after buffer)))))

(define* (make-gap-buffer #:optional initial)
  "Return a buffer with the text of INITIAL, a string or what is left in a port; empty without
it.  The point is at the end."
  (let ((buffer (%make-gap-buffer '() 0 '() 0)))
    (cond ((port? initial) (gb-insert-string! buffer (get-string-all initial)))
          ((string? initial) (gb-insert-string! buffer initial)))
    buffer))

(define (gb-point buffer)
  "Return where the point of BUFFER is."
  (+ 1 (count buffer)))

(define (gb-point-min buffer)
  "Return where BUFFER begins, which is 1."
  1)

(define (gb-point-max buffer)
  "Return where BUFFER ends."
  (+ 1 (count buffer) (left buffer)))

(define (gb-goto-char buffer place)
  "Move the point of BUFFER to PLACE, or as near as it has text, and return PLACE."
  (let ((wanted (- (max (gb-point-min buffer) (min place (gb-point-max buffer))) 1)))
    (let loop ()
      (let ((here (count buffer)))
        (cond
         ((< here wanted)
          (let ((char (car (after buffer))))
            (set-after! buffer (cdr (after buffer)))
            (set-left! buffer (- (left buffer) 1))
            (push! buffer char))
          (loop))
         ((> here wanted)
          (set-after! buffer (cons (car (before buffer)) (after buffer)))
          (set-left! buffer (+ (left buffer) 1))
          (drop-last! buffer)
          (loop)))))
    place))

(define (push! buffer char)
  (set-before! buffer (cons char (before buffer)))
  (set-count! buffer (+ 1 (count buffer))))

(define (drop-last! buffer)
  (set-before! buffer (cdr (before buffer)))
  (set-count! buffer (- (count buffer) 1)))

(define (gb-insert-char! buffer char)
  "Insert CHAR before the point of BUFFER."
  (push! buffer char))

(define (gb-insert-string! buffer string)
  "Insert STRING before the point of BUFFER."
  (string-for-each (lambda (char) (push! buffer char)) string))

(define (gb-delete-char! buffer amount)
  "Delete AMOUNT characters after the point of BUFFER, or before it where that is negative; as
many as there are."
  (let loop ((amount amount))
    (cond
     ((and (< amount 0) (> (count buffer) 0))
      (drop-last! buffer)
      (loop (+ amount 1)))
     ((and (> amount 0) (> (left buffer) 0))
      (set-after! buffer (cdr (after buffer)))
      (set-left! buffer (- (left buffer) 1))
      (loop (- amount 1))))))

(define (gb-erase! buffer)
  "Delete all text of BUFFER."
  (set-before! buffer '())
  (set-count! buffer 0)
  (set-after! buffer '())
  (set-left! buffer 0)
  (if #f #f))

(define (gb->string buffer)
  "Return the text of BUFFER."
  (string-append (reverse-list->string (before buffer)) (list->string (after buffer))))

(define (gb->lines buffer)
  "Return the lines of BUFFER, a list of strings; the last one is empty where a line's end
ends the text."
  (string-split (gb->string buffer) #\newline))

(define (gb-filter! buffer string-procedure)
  "Make the text of BUFFER what STRING-PROCEDURE returns for it, with the point at the end."
  (let ((text (string-procedure (gb->string buffer))))
    (gb-erase! buffer)
    (gb-insert-string! buffer text)))

(define (gb-filter-lines! buffer lines-procedure)
  "Make the lines of BUFFER what LINES-PROCEDURE returns for the list of them, with the point
at the end."
  (gb-filter! buffer
              (lambda (text)
                (string-join (lines-procedure (string-split text #\newline)) "\n"))))

(define (make-gap-buffer-port buffer)
  "Return a port that reads the text of BUFFER after the point, which moves, and writes
before it."
  (unless (gb? buffer)
    (scm-error 'misc-error #f "not a gap-buffer: ~S" (list buffer) #f))
  (make-soft-port
   (vector (lambda (char) (gb-insert-char! buffer char))
           (lambda (string) (gb-insert-string! buffer string))
           #f
           (lambda ()
             (let ((next (after buffer)))
               (and (pair? next)
                    (begin
                      (gb-goto-char buffer (+ 1 (gb-point buffer)))
                      (car next)))))
           #f)
   "rw"))
