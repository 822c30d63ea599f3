;;; Walks over trees of files: (ice-9 ftw).

(define* (scandir name #:optional (select? (lambda (entry) #t)) (less? string<?))
  "Return the names in the directory called NAME for which SELECT? holds,
sorted by LESS?, or #f when it cannot be read."
  (let ((names (false-if-exception-procedure (lambda () (%directory-entries name)))))
    (and names
         (sort (filter select? names) less?))))

(define* (file-system-fold enter? leaf down up skip error initial name
                           #:optional (stat lstat))
  "Walk the tree at NAME and thread a result, INITIAL at first, through LEAF,
DOWN, UP, SKIP and ERROR, called with path, stat and result; ERROR also with the
error number before the result."
  (%file-system-fold enter? leaf down up skip error initial name name stat))

(define (%file-system-fold enter? leaf down up skip error result path name stat)
  (let ((found (%stat-or-errno stat path)))
    (cond
     ((integer? found)
      (error path #f found result))
     ((not (eq? (stat:type found) 'directory))
      (leaf path found result))
     ((not (enter? path found result))
      (skip path found result))
     (else
      (let ((entries (%entries-or-errno path)))
        (if (integer? entries)
            (error path found entries result)
            (let loop ((entries entries) (result (down path found result)))
              (if (null? entries)
                  (up path found result)
                  (loop (cdr entries)
                        (%file-system-fold enter? leaf down up skip error result
                                           (in-vicinity path (car entries))
                                           (car entries) stat))))))))))

(define (%stat-or-errno stat path)
  (catch 'system-error
    (lambda () (stat path))
    (lambda arguments (system-error-errno arguments))))

(define (%entries-or-errno path)
  (catch 'system-error
    (lambda ()
      (sort (remove (lambda (entry) (or (string=? entry ".") (string=? entry "..")))
                    (%directory-entries path))
            string<?))
    (lambda arguments (system-error-errno arguments))))

(define* (file-system-tree name #:optional (enter? (lambda (path stat) #t)) (stat lstat))
  "Return the tree at NAME as lists of name, stat and children, or #f."
  (let tree ((path name) (name name))
    (let ((found (%stat-or-errno stat path)))
      (cond
       ((integer? found) #f)
       ((and (eq? (stat:type found) 'directory) (enter? path found))
        (let ((entries (%entries-or-errno path)))
          (cons* name found
                 (if (integer? entries)
                     '()
                     (filter (lambda (child) child)
                             (map (lambda (entry) (tree (in-vicinity path entry) entry))
                                  entries))))))
       (else (list name found))))))

(define (ftw start procedure . options)
  "Call PROCEDURE with name, stat and flag of every file below START, until it
returns #f; return whether it never did."
  (call-with-current-continuation
   (lambda (return)
     (let walk ((path start))
       (let ((found (%stat-or-errno stat path)))
         (if (integer? found)
             (if (not (procedure path #f 'invalid-stat)) (return #f))
             (let* ((directory? (eq? (stat:type found) 'directory))
                    (entries (and directory? (%entries-or-errno path)))
                    (flag (cond ((not directory?) 'regular)
                                ((integer? entries) 'directory-not-readable)
                                (else 'directory))))
               (if (not (procedure path found flag)) (return #f))
               (if (pair? entries)
                   (for-each (lambda (entry) (walk (in-vicinity path entry))) entries))))))
     #t)))

(define (nftw start procedure . options)
  "Call PROCEDURE with name, stat, flag, base and level of every file below
START, until it returns something that is not #t; return that or #t."
  (let ((depth? (memq 'depth options))
        (stat (if (memq 'physical options) lstat stat)))
    (call-with-current-continuation
     (lambda (return)
       (let walk ((path start) (level 0))
         (let* ((found (%stat-or-errno stat path))
                (base (let ((slash (string-rindex path #\/)))
                        (if slash (+ slash 1) 0)))
                (visit (lambda (flag)
                         (let ((result (procedure path (if (integer? found) #f found)
                                                  flag base level)))
                           (if (not (eq? result #t)) (return result))))))
           (cond
            ((integer? found) (visit 'invalid-stat))
            ((eq? (stat:type found) 'symlink) (visit 'symlink))
            ((not (eq? (stat:type found) 'directory)) (visit 'regular))
            (else
             (let ((entries (%entries-or-errno path)))
               (if (not depth?)
                   (visit (if (integer? entries) 'directory-not-readable 'directory)))
               (if (pair? entries)
                   (for-each (lambda (entry)
                               (walk (in-vicinity path entry) (+ level 1)))
                             entries))
               (if depth? (visit 'directory-processed)))))))
       #t))))
