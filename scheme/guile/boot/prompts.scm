;;; Prompts, on continuations: %prompts is the list of prompts in force,
;;; innermost first, each with the continuation to return to.

(define %prompts '())

(define %prompt-type
  (%make-record-type 'prompt '(tag return handler extents run depth) '(#f #f #f #f #f #f)))

(define* (make-prompt-tag #:optional (stem "prompt"))
  "Return a fresh tag for prompts."
  (list stem))

(define %default-prompt-tag (list "default"))

(define (default-prompt-tag)
  "Return the tag that is used where none is given."
  %default-prompt-tag)

(define (default-prompt-handler k procedure)
  "Call PROCEDURE with K, inside a prompt of the same kind."
  (% (default-prompt-tag) (procedure k) default-prompt-handler))

;;; Whatever %prompts holds when THUNK returns says where to: a continuation that
;;; was called elsewhere has put its caller there.

;; What a prompt calls its thunk with: the frame of the machine's, and the thunk's own.
(define %depth-of-thunks 2)

(define (call-with-prompt tag thunk handler)
  "Call THUNK.  When it aborts to TAG, call HANDLER with the continuation of
the abort up to here and the values it was given."
  ((%machine-call/cc
    (lambda (return)
      (let ((prompt (%record %prompt-type tag return handler (%extents) (%run-number)
                             (+ (%depth) %depth-of-thunks))))
        (set! %prompts (cons prompt %prompts))
        (let ((result
               (%all
                (%machine-try
                 (lambda (trouble)
                   (%unwound-to-prompt (%caught trouble) (%last-was-raised?)))
                 (lambda ()
                   (let* ((sentinel (%sentinel))
                          (result (%all (thunk))))
                     (%disarm sentinel)
                     result))))))
          (let ((top (car %prompts)))
            (set! %prompts (cdr %prompts))
            ((%record-field top 1) (lambda () result)))))))))

;; An exception goes on from where the frames above would have returned to.
(define (%unwound-to-prompt object raised?)
  (let ((top (car %prompts)))
    (set! %prompts (cdr %prompts))
    ((%record-field top 1)
     (lambda ()
       (if raised?
           (%unwind-with object)
           (begin
             (%cut-to (%record-field top 3))
             (%raise object #f)))))))

(define (%find-prompt tag)
  (let loop ((prompts %prompts))
    (cond ((null? prompts) #f)
          ((eq? (%record-field (car prompts) 0) tag) prompts)
          (else (loop (cdr prompts))))))

(define (%prompts-above prompts stop)
  (if (eq? prompts stop)
      '()
      (cons (car prompts) (%prompts-above (cdr prompts) stop))))

(define (abort-to-prompt tag . arguments)
  "Leave for the innermost prompt with TAG, handing ARGUMENTS to its handler."
  (let ((found (%find-prompt tag)))
    (if (not found)
        (scm-error 'misc-error "abort" "Abort to unknown prompt" '() #f)
        (let ((prompt (car found)))
          (if (not (eqv? (%record-field prompt 4) (%run-number)))
              (%leave-for-prompt found (lambda results (%foreign-continuation)) arguments))
          ((%machine-call/cc
            (lambda (k)
              (let* ((above (%prompts-above %prompts found))
                     (resume (%partial-continuation k above (%extents)
                                                    (%record-field prompt 3))))
                (%leave-for-prompt found resume arguments)))))))))

(define (%leave-for-prompt found resume arguments)
  (let ((prompt (car found)))
    (%in-run (%record-field prompt 4)
             (lambda ()
               (%rewind (%record-field prompt 3))
               (set! %prompts (cdr found))
               ((%record-field prompt 1)
                (lambda ()
                  (apply (%record-field prompt 2) resume arguments)))))))

(define (abort-to-prompt* tag arguments)
  "Leave for the innermost prompt with TAG, handing ARGUMENTS to its handler."
  (apply abort-to-prompt tag arguments))

;;; The continuation up to the prompt: calling it puts its prompts and extents, which
;;; ended in STOP, on top of those in force, and a mark below them that leads back to
;;; the caller.  Where a prompt's thunk ends in the call, the caller is that prompt: a mark
;;; for each time that a generator goes on would be part of its next continuation.

(define (%partial-continuation k prompts extents stop)
  (lambda results
    (let ((resume (lambda (below)
                    (%resume k prompts below extents stop results))))
      (if (and (pair? %prompts)
               (eqv? (%record-field (car %prompts) 5) (%depth))
               (eqv? (%record-field (car %prompts) 4) (%run-number)))
          (resume %prompts)
          (let* ((outer (%extents))
                 (result
                  (%machine-call/cc
                   (lambda (return)
                     (resume (cons (%record %prompt-type (list 'back) return #f outer
                                            (%run-number) #f)
                                   %prompts))))))
            (%set-extents! outer)
            (result))))))

(define (%resume k prompts below extents stop results)
  (let ((outer (%extents)))
    (%enter-extents extents stop)
    (let ((copy (%copy-extents extents stop outer)))
      (set! %prompts (%copy-prompts prompts below copy stop outer))
      (%set-extents! copy)
      (k (lambda () (apply values results))))))

;; The entries stay the same, by which their frames know them; but one that says where
;; handlers go on must say so of the copy.
(define (%copy-extents extents stop outer)
  (if (eq? extents stop)
      outer
      (let ((rest (%copy-extents (cdr extents) stop outer))
            (entry (car extents)))
        (cons (if (null? (car entry))
                  (cons '() (%extents-from (cdr entry) rest stop outer))
                  entry)
              rest))))

(define (%copy-prompts prompts below copy stop outer)
  (if (null? prompts)
      below
      (let ((prompt (car prompts)))
        (cons (%record %prompt-type
                       (%record-field prompt 0)
                       (%record-field prompt 1)
                       (%record-field prompt 2)
                       (%extents-from (%record-field prompt 3) copy stop outer)
                       (%record-field prompt 4)
                       (%record-field prompt 5))
              (%copy-prompts (cdr prompts) below copy stop outer)))))

(define (reset* thunk)
  "Call THUNK below a prompt for shift*."
  (call-with-prompt (default-prompt-tag)
                    thunk
                    (lambda (k procedure)
                      (reset* (lambda () (procedure k))))))

(define (shift* procedure)
  "Call PROCEDURE with the continuation up to the nearest reset*."
  (abort-to-prompt (default-prompt-tag)
                   (lambda (k)
                     (procedure (lambda arguments
                                  (reset* (lambda () (apply k arguments))))))))

(define (abort . arguments)
  "Abort to the default prompt."
  (apply abort-to-prompt (default-prompt-tag) arguments))

(define (suspendable-continuation? tag)
  "Tell whether what aborts to TAG could be resumed."
  (let ((found (%find-prompt tag)))
    (and found
         (not (%barrier-between? (%record-field (car found) 3))))))