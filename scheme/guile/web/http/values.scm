;;; HTTP: what the values of headers are made of, read, checked and written.

;;; Parts that headers are made of.

(define (trimmed text)
  (string-trim-both text blank?))

;; Split TEXT at DELIMITER, but not within double quotes.
(define (split text delimiter)
  (let loop ((index 0) (start 0) (quoted? #f) (parts '()))
    (cond
     ((= index (string-length text))
      (reverse (cons (trimmed (substring text start)) parts)))
     ((and quoted? (char=? (string-ref text index) #\\)
           (< (+ index 1) (string-length text)))
      (loop (+ index 2) start quoted? parts))
     ((char=? (string-ref text index) #\")
      (loop (+ index 1) start (not quoted?) parts))
     ((and (not quoted?) (char=? (string-ref text index) delimiter))
      (loop (+ index 1) (+ index 1) quoted?
            (cons (trimmed (substring text start index)) parts)))
     (else (loop (+ index 1) start quoted? parts)))))

(define (split-list text)
  (filter (lambda (part) (not (string-null? part))) (split text #\,)))

(define token-set
  (char-set-difference char-set:ascii
                       char-set:iso-control
                       (string->char-set "()<>@,;:\\\"/[]?={} \t")))

(define (token? text)
  (and (not (string-null? text)) (string-every token-set text)))

(define (unquoted text)
  ;; What TEXT means: a string between double quotes, or itself.
  (if (string-prefix? "\"" text)
      (let loop ((index 1) (chars '()))
        (cond ((>= index (string-length text)) (bad-component 'qstring text))
              ((char=? (string-ref text index) #\")
               (if (= (+ index 1) (string-length text))
                   (list->string (reverse chars))
                   (bad-component 'qstring text)))
              ((and (char=? (string-ref text index) #\\)
                    (< (+ index 1) (string-length text)))
               (loop (+ index 2) (cons (string-ref text (+ index 1)) chars)))
              (else (loop (+ index 1) (cons (string-ref text index) chars)))))
      text))

(define (put-quoted text port)
  (put "\"" port)
  (string-for-each (lambda (char)
                     (when (memv char '(#\" #\\))
                       (put "\\" port))
                     (put char port))
                   text)
  (put "\"" port))

(define (put-list items put-item delimiter port)
  (let loop ((items items) (first? #t))
    (when (pair? items)
      (unless first? (put delimiter port))
      (put-item (car items) port)
      (loop (cdr items) #f))))

(define (parse-integer text)
  (let ((number (and (not (string-null? text))
                     (string-every char-set:digit text)
                     (string->number text))))
    (or number (bad-component 'non-negative-integer text))))

(define (natural? value)
  (and (exact-integer? value) (not (negative? value))))

;; Qualities are thousandths.
(define (parse-quality text)
  (let ((number (string->number text)))
    (if (and number (real? number) (<= 0 number 1))
        (inexact->exact (round (* 1000 number)))
        (bad-component 'quality text))))

(define (quality? value)
  (and (exact-integer? value) (<= 0 value 1000)))

(define (put-quality quality port)
  (if (= quality 1000)
      (put "1" port)
      (let ((digits (string-pad (number->string quality) 3 #\0)))
        (put "0." port)
        (put digits port))))

(define (parse-quality-list text)
  (map (lambda (part)
         (match (split part #\;)
           ((item) (cons 1000 item))
           ((item quality)
            (unless (string-prefix? "q=" quality)
              (bad-component 'quality quality))
            (cons (parse-quality (substring quality 2)) item))
           (_ (bad-component 'quality part))))
       (split-list text)))

(define (quality-list? value)
  (and (list? value)
       (every (lambda (item)
                (and (pair? item) (quality? (car item)) (string? (cdr item))))
              value)))

(define (put-quality-list items port)
  (put-list items
            (lambda (item port)
              (put (cdr item) port)
              (unless (= (car item) 1000)
                (put ";q=" port)
                (put-quality (car item) port)))
            "," port))

;; Key=value, as alists; a key alone is its symbol, or has #t in cache directives.
(define* (parse-pair text #:optional (parse-value (lambda (key text) text)))
  (let ((place (string-index text #\=)))
    (if place
        (let ((key (string->symbol (trimmed (substring text 0 place)))))
          (cons key (parse-value key (unquoted (trimmed (substring text (+ place 1)))))))
        (string->symbol text))))

(define* (put-pair pair port #:optional (put-value put-value))
  (cond ((symbol? pair) (put pair port))
        (else
         (put (car pair) port)
         (when (cdr pair)
           (unless (eq? (cdr pair) #t)
             (put "=" port)
             (put-value (car pair) (cdr pair) port))))))

(define (put-value key value port)
  (cond ((not (string? value)) (put value port))
        ((token? value) (put value port))
        (else (put-quoted value port))))

(define (pairs? value)
  (and (list? value)
       (every (lambda (item)
                (or (symbol? item)
                    (and (pair? item) (symbol? (car item)))))
              value)))

(define (quality-or-text key text)
  (if (eq? key 'q) (parse-quality text) text))

(define (put-quality-or-text key value port)
  (if (eq? key 'q)
      (put-quality value port)
      (put-value key value port)))

;; A thing with parameters: (text/html (q . 500)).
(define* (parse-parameters text #:optional (parse-item string->symbol))
  (match (split text #\;)
    ((item parameters ...)
     (cons (parse-item item)
           (map (lambda (parameter) (parse-pair parameter quality-or-text))
                (filter (lambda (parameter) (not (string-null? parameter)))
                        parameters))))))

(define (put-parameters item port)
  (put (car item) port)
  (for-each (lambda (parameter)
              (put ";" port)
              (put-pair parameter port put-quality-or-text))
            (cdr item)))

(define (parameters? item)
  (and (pair? item)
       (or (symbol? (car item)) (string? (car item)))
       (pairs? (cdr item))))

(define (parse-parameters-list text)
  (map parse-parameters (split-list text)))

(define (parameters-list? value)
  (and (list? value) (every parameters? value)))

(define (put-parameters-list value port)
  (put-list value put-parameters "," port))

;;; Dates.

(define months
  '#("Jan" "Feb" "Mar" "Apr" "May" "Jun" "Jul" "Aug" "Sep" "Oct" "Nov" "Dec"))
(define days '#("Sun" "Mon" "Tue" "Wed" "Thu" "Fri" "Sat"))

(define (month-of name)
  (let ((index (list-index (lambda (month) (string-ci=? month name))
                           (vector->list months))))
    (if index (+ index 1) (bad-component 'month name))))

(define (in-greenwich date)
  (time-tai->date (date->time-tai date) 0))

(define (zone-of text)
  ;; Seconds east of Greenwich.
  (cond ((member text '("GMT" "UTC" "Z")) 0)
        ((and (= (string-length text) 5) (memv (string-ref text 0) '(#\+ #\-)))
         (* (if (char=? (string-ref text 0) #\-) -1 1)
            (+ (* 3600 (parse-integer (substring text 1 3)))
               (* 60 (parse-integer (substring text 3 5))))))
        (else (bad-component 'zone text))))

(define (date-of day month year time zone)
  (match (map parse-integer (string-split time #\:))
    ((hour minute second)
     (let ((date (make-date 0 second minute hour (parse-integer day) (month-of month)
                            year (zone-of zone))))
       (if (zero? (date-zone-offset date)) date (in-greenwich date))))
    (_ (bad-component 'time time))))

;; RFC 7231, section 7.1.1.1: the form of today and the two that are obsolete.
(define (parse-date text)
  (match (string-tokenize text)
    ((_ day month year time zone)
     (date-of day month (parse-integer year) time zone))
    ((_ date time zone)
     (match (string-split date #\-)
       ((day month year)
        (let ((year (parse-integer year)))
          (date-of day month
                   (cond ((> year 99) year)
                         ((< year 70) (+ 2000 year))
                         (else (+ 1900 year)))
                   time zone)))
       (_ (bad-component 'date text))))
    ((_ month day time year)
     (date-of day month (parse-integer year) time "GMT"))
    (_ (bad-component 'date text))))

(define (put-date date port)
  (define (two number)
    (string-pad (number->string number) 2 #\0))
  (let ((date (if (zero? (date-zone-offset date))
                  date
                  (in-greenwich date))))
    (put (vector-ref days (date-week-day date)) port)
    (put ", " port)
    (put (string-join (list (two (date-day date))
                            (vector-ref months (- (date-month date) 1))
                            (string-pad (number->string (date-year date)) 4 #\0)
                            (string-append (two (date-hour date)) ":"
                                           (two (date-minute date)) ":"
                                           (two (date-second date)))
                            "GMT"))
         port)))

;;; Entity tags: (TAG . STRONG?).

(define (parse-entity-tag text)
  (cond ((string-prefix? "W/\"" text) (cons (unquoted (substring text 2)) #f))
        ((string-prefix? "\"" text) (cons (unquoted text) #t))
        (else (cons text #t))))

(define (entity-tag? value)
  (and (pair? value) (string? (car value)) (boolean? (cdr value))))

(define (put-entity-tag tag port)
  (unless (cdr tag) (put "W/" port))
  (put-quoted (car tag) port))

(define (parse-entity-tags text)
  (if (string=? text "*")
      '*
      (map parse-entity-tag (split-list text))))

(define (entity-tags? value)
  (or (eq? value '*)
      (and (list? value) (every entity-tag? value))))

(define (put-entity-tags value port)
  (if (eq? value '*)
      (put "*" port)
      (put-list value put-entity-tag ", " port)))

;;; Credentials and challenges: (SCHEME . "…") for basic, (SCHEME (KEY . VALUE) …).

(define (scheme-and-rest text)
  (let ((place (or (string-index text blank?) (string-length text))))
    (values (string->symbol (string-downcase (substring text 0 place)))
            (trimmed (substring text place)))))

(define (parse-credentials text)
  (call-with-values (lambda () (scheme-and-rest text))
    (lambda (scheme rest)
      (cons scheme
            (if (eq? scheme 'basic)
                rest
                (map parse-pair (split-list rest)))))))

(define (credentials? value)
  (and (pair? value)
       (symbol? (car value))
       (or (string? (cdr value)) (pairs? (cdr value)))))

(define (put-credentials value port)
  (put (car value) port)
  (put " " port)
  (if (string? (cdr value))
      (put (cdr value) port)
      (put-list (cdr value) put-pair ", " port)))

;; A part with a blank before any equals sign begins the next challenge.
(define (parse-challenges text)
  (let loop ((parts (split-list text)) (challenges '()))
    (if (null? parts)
        (reverse (map (lambda (challenge)
                        (cons (car challenge) (reverse (cdr challenge))))
                      challenges))
        (let* ((part (car parts))
               (blank (string-index part blank?))
               (equals (string-index part #\=)))
          (cond
           ((or (not equals) (and blank (< blank equals)))
            (call-with-values (lambda () (scheme-and-rest part))
              (lambda (scheme rest)
                (loop (cdr parts)
                      (cons (cons scheme
                                  (if (string-null? rest)
                                      '()
                                      (list (parse-pair rest))))
                            challenges)))))
           ((null? challenges) (bad-component 'challenge text))
           (else
            (loop (cdr parts)
                  (cons (cons (caar challenges)
                              (cons (parse-pair part) (cdar challenges)))
                        (cdr challenges)))))))))

(define (put-challenges value port)
  (put-list value put-credentials ", " port))
