;;; What becomes of the machine of a harness when that ends.
;;;
;;; The decision is in src/run/keeping.rs; here is who is asked, and what is said.  What
;;; keeping a machine means, the one who has it knows: see `keep-machine' in (fruix
;;; harness).

(define-module (fruix harness keeping)
  #:use-module (fruix native run)
  #:use-module (fruix settings)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:export (keep-or-tidy))

(define* (keep-or-tidy proc passed? run described #:key (ask? #t))
  "Return #t when the machine of the harness that ends, and has PASSED? or not, was kept,
which PROC does: see `keep-machine'.  RUN is the identifier of the run, DESCRIBED a
procedure that returns what an exception says.  Without ASK? nobody is there to be
asked."
  (match (%run-keeping passed? (setting-or 'keep-worth-seconds 600))
    ((keep? why open?)
     (let ((keep? (if (and open? ask?) (ask-whether-to-keep keep? why) keep?)))
       (cond (keep? (keep-it proc why run described))
             (else
              (%run-machine-kept! #f why #f #f)
              ;; Whoever was told that it goes on is told what becomes of it.
              (for-each
               (lambda (job)
                 (%run-note! (format #f "the job `~a' ends with the machine, which is not kept: ~a"
                                     job why)))
               (%run-jobs))
              #f))))))

;; How long somebody may think about it.
(define %seconds-to-answer 60)

(define (ask-whether-to-keep keep? why)
  (let ((answer (%run-ask
                 (format #f "Keep the machine (~a)? ~a; ~a without an answer within ~a s:"
                         why "yes or no" (if keep? "yes" "no") %seconds-to-answer)
                 %seconds-to-answer)))
    (cond ((not answer) keep?)
          ((string-prefix? "y" (string-downcase answer)) #t)
          ((string-prefix? "n" (string-downcase answer)) #f)
          (else keep?))))

(define (keep-it proc why run described)
  "Let PROC keep the machine.  Return #t unless it throws: then it is tidied away."
  (with-exception-handler
    (lambda (exception)
      (%run-note! (string-append "the machine cannot be kept: "
                                 (described exception)))
      #f)
    (lambda ()
      (call-with-values (lambda () (proc why))
        (lambda (until login)
          (%run-machine-kept! #t why until login)
          (tell-of-kept-machine why until login run)
          #t)))
    #:unwind? #t))

(define (tell-of-kept-machine why until login run)
  "Say what became of the machine, and what can be done with it."
  (%run-note! (string-append "the machine is kept"
                             (if until
                                 (strftime " until %Y-%m-%d %H:%M:%S UTC" (gmtime until))
                                 "")
                             ": " why))
  (%run-note! "  then others may take it; it is not switched off")
  (when login
    (%run-note! (string-append "  look into it: " login)))
  (let ((of (%run-taken-from)))
    (when of
      (%run-note! (string-append "  do another part: --take-over=" run
                                 " before the file, --from or --only with --of="
                                 of " behind it"))))
  (%run-note! "  let it go: fruix-scm runs gc --host --all"))
