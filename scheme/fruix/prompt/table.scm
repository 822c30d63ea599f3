;;; Rows and association lists as tables that fit the terminal.

(define-module (fruix prompt table)
  #:use-module (fruix store)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:export (value->table
            table->lines))

(define (value->table value width)
  "Return VALUE as the lines of a table, none longer than WIDTH characters, when
it is a list of association lists with the same keys, an association list, or a
list of store paths; otherwise #f."
  (cond ((rows? value)
         (rows->table (map symbol->string (map car (car value)))
                      (map (lambda (row) (map (lambda (entry) (cell (cdr entry)))
                                              row))
                           value)
                      width))
        ((record? value)
         (table->lines (map (match-lambda
                              ((key . value) (list (symbol->string key) (cell value))))
                            value)
                       width))
        ((and (pair? value) (list? value) (every string? value)
              (every store-path? value))
         (table->lines (map list value) width))
        (else #f)))

(define (rows->table header rows width)
  "Return ROWS with HEADER above as lines, without columns in which nothing
stands; a single column needs no header."
  (let ((columns (remove (lambda (column) (every string-null? (cdr column)))
                         (apply map list (cons header rows)))))
    (match columns
      (() '())
      ((column) (table->lines (map list (cdr column)) width))
      (_ (table->lines (apply map list columns) width)))))

(define (atom? value)
  (not (or (pair? value) (vector? value))))

(define (record? value)
  (and (pair? value)
       (list? value)
       (every (match-lambda
                (((? symbol?) . (? atom?)) #t)
                (_ #f))
              value)))

(define (rows? value)
  (and (pair? value)
       (list? value)
       (every record? value)
       (let ((keys (map car (car value))))
         (every (lambda (row) (equal? keys (map car row))) value))))

(define (cell value)
  (match value
    (#f "")
    (() "()")
    ((? string? text) text)
    ((? symbol? name) (symbol->string name))
    (other (call-with-output-string (lambda (port) (write other port))))))

(define (table->lines rows width)
  "Return ROWS, lists of strings of one length, as lines of at most WIDTH
characters, two spaces between columns.  Where a column must give way, hashes of
store paths are cut first, then what is at the end."
  (let* ((columns (apply map list rows))
         (longest (lambda (column) (apply max (map string-length column))))
         (room (- width (* 2 (- (length columns) 1))))
         (wide (map longest columns))
         (columns (if (> (apply + wide) room)
                      (map (lambda (column) (map shorter-path column)) columns)
                      columns))
         (widths (fitted (map longest columns) room))
         (columns (map (lambda (column width)
                         (map (lambda (text) (padded (cut-to text width) width)) column))
                       columns widths)))
    (apply map
           (lambda cells (string-trim-right (string-join cells "  ")))
           columns)))

(define (padded text width)
  (string-append text (make-string (max 0 (- width (string-length text)))
                                   #\space)))

(define (cut-to text width)
  (let ((text (string-map (lambda (char) (if (char=? char #\newline) #\space char))
                          text)))
    (cond ((<= (string-length text) width) text)
          ((< width 2) (string-take text width))
          (else (string-append (string-take text (- width 1)) "…")))))

(define (shorter-path text)
  "Return TEXT with all but eight digits of the hash left out when it is a store
path; the eight are enough to name the item."
  (if (store-path? text)
      (let ((hash (store-path-hash text)))
        (string-append "/frx/store/" (string-take hash 8) "…"
                       (string-drop text (+ (string-length "/frx/store/")
                                            (string-length hash)))))
      text))

(define (fitted widths room)
  "Return WIDTHS with the widest made narrower until they fit into ROOM."
  (let ((excess (- (apply + widths) room))
        (widest (apply max widths)))
    (if (or (<= excess 0) (<= widest 8))
        widths
        (let* ((next (apply max 8 (filter (lambda (width) (< width widest)) widths)))
               (step (max 1 (min excess (- widest next)))))
          (fitted (let loop ((widths widths))
                    (if (= (car widths) widest)
                        (cons (- widest step) (cdr widths))
                        (cons (car widths) (loop (cdr widths)))))
                  room)))))
