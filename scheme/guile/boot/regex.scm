;;; Regular expressions: (ice-9 regex) on top of the natives.

(define regexp/icase (%regexp-constant 'icase))
(define regexp/newline (%regexp-constant 'newline))
(define regexp/basic (%regexp-constant 'basic))
(define regexp/extended (%regexp-constant 'extended))
(define regexp/notbol (%regexp-constant 'notbol))
(define regexp/noteol (%regexp-constant 'noteol))

(define* (string-match pattern string #:optional (start 0))
  "Return the match of PATTERN in STRING from START on, or #f."
  (%string-match pattern string start))

(define (regexp-match? object)
  "Return whether OBJECT is a match."
  (and (vector? object)
       (> (vector-length object) 1)
       (string? (vector-ref object 0))
       (pair? (vector-ref object 1))))

(define (regexp-quote text)
  "Return a pattern that matches TEXT and nothing else."
  (string-fold-right
   (lambda (character rest)
     (string-append
      ;; A backslash gives some characters their meaning in basic patterns.
      (cond ((memv character '(#\* #\. #\\ #\^ #\$ #\[))
             (string #\\ character))
            ((memv character '(#\( #\) #\+ #\? #\{ #\} #\|))
             (string #\[ character #\]))
            (else (string character)))
      rest))
   "" text))

(define (match:string match)
  "Return the string that MATCH is in."
  (vector-ref match 0))

(define (match:count match)
  "Return the number of parts of MATCH, the whole counted."
  (- (vector-length match) 1))

(define (%match-range match group)
  (if (or (< group 0) (>= group (match:count match)))
      (scm-error 'out-of-range "vector-ref" "Argument ~A out of range: ~S"
                 (list 2 (+ group 1)) (list (+ group 1))))
  (vector-ref match (+ group 1)))

(define* (match:start match #:optional (group 0))
  "Return where GROUP of MATCH starts, or #f when it matched nothing."
  (let ((start (car (%match-range match group))))
    (and (>= start 0) start)))

(define* (match:end match #:optional (group 0))
  "Return where GROUP of MATCH ends, or #f when it matched nothing."
  (let ((end (cdr (%match-range match group))))
    (and (>= end 0) end)))

(define* (match:substring match #:optional (group 0))
  "Return the text of GROUP of MATCH, or #f when it matched nothing."
  (let ((start (match:start match group))
        (end (match:end match group)))
    (and start end (substring (match:string match) start end))))

(define (match:prefix match)
  "Return the text before MATCH."
  (substring (match:string match) 0 (match:start match 0)))

(define (match:suffix match)
  "Return the text after MATCH."
  (substring (match:string match) (match:end match 0)))

(define* (fold-matches pattern string initial procedure #:optional (flags 0))
  "Call PROCEDURE with each match of PATTERN in STRING and what it gave before."
  (let ((regexp (if (regexp? pattern) pattern (make-regexp pattern)))
        (end (string-length string)))
    (let loop ((start 0) (result initial) (after-match? #f))
      (let ((match (and (<= start end)
                        (regexp-exec regexp string start
                                     (if (> start 0) (logior flags regexp/notbol) flags)))))
        (cond ((not match) result)
              ;; An empty match that touches the one before is not one more.
              ((and after-match? (= (match:start match) (match:end match)))
               (loop (+ start 1) result #f))
              (else
               (loop (match:end match) (procedure match result) #t)))))))

(define* (list-matches pattern string #:optional (flags 0))
  "Return the matches of PATTERN in STRING."
  (reverse (fold-matches pattern string '() cons flags)))

(define (regexp-substitute port match . items)
  "Write ITEMS to PORT (or return them as a string when it is #f): strings as
they are, numbers as parts of MATCH, pre and post as what is around it."
  (let ((text (apply string-append
                     (map (lambda (item)
                            (cond ((string? item) item)
                                  ((integer? item) (object->string (match:substring match item) display))
                                  ((eq? item 'pre) (match:prefix match))
                                  ((eq? item 'post) (match:suffix match))
                                  (else (error "wrong type of item" item))))
                          items))))
    (if port (display text port) text)))

(define (regexp-substitute/global port pattern string . items)
  "Write STRING to PORT (or return it when PORT is #f) with what PATTERN
matches replaced by ITEMS; post among them goes on with the rest."
  (let* ((post? (memq 'post items))
         (text
          (call-with-output-string
           (lambda (out)
             (let loop ((matches (list-matches pattern string)) (start 0))
               (if (null? matches)
                   (display (substring string start) out)
                   (let* ((match (car matches)))
                     (for-each
                      (lambda (item)
                        (cond ((string? item) (display item out))
                              ((integer? item) (display (match:substring match item) out))
                              ((procedure? item) (display (item match) out))
                              ((eq? item 'pre)
                               (display (substring string start (match:start match)) out))
                              ((eq? item 'post)
                               (loop (cdr matches) (match:end match)))
                              (else (error "wrong type of item" item))))
                      items))))))))
    (if port (display text port) text)))
