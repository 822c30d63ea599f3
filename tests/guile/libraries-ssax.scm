;; XML read by parts, and by parsers that are made of a program's own procedures.
(use-modules (sxml ssax) (sxml ssax input-parse))
(define-syntax-rule (try expression)
  (begin
    (write (catch #t
             (lambda () expression)
             (lambda (key . arguments)
               (cons key (if (eq? key 'parser-error) (cdr arguments) arguments)))))
    (newline)))

;; Text up to a token.
(define (text-of document)
  (call-with-input-string document
    (lambda (port)
      (call-with-values
          (lambda ()
            (ssax:read-char-data port #t
                                 (lambda (text following seed) (cons* following text seed))
                                 '()))
        (lambda (seed token) (list document (reverse seed) token))))))
(for-each
 (lambda (document) (try (text-of document)))
 '("" "abc" "abc\ndef" "abc\r\ndef" "abc\rdef" "abc&#32;def" "abc&lt;def" "a&#x41;&#66;b"
   "abc<!-- x -->def<BR>" "abc<![CDATA[x]]>def" "a\n\nb" "\n" "\r\n\r\n" "abc&!" "a<?pi x?>"
   "a</A>" "a&amp;b" "<![CDATA[&gt;a\nb]]>" "<![CDATA[a]b]]c]]]d]]]]>" "a <!-- c --> b" "a<!DECL"
   "a<" "a<!-- b" "a<![CDATA[b"))

;; Whole elements.
(define (parse document declarations)
  (call-with-input-string document
    (lambda (port)
      ((ssax:make-parser
        NEW-LEVEL-SEED (lambda (name attributes namespaces content seed) '())
        FINISH-ELEMENT
        (lambda (name attributes namespaces before seed)
          (cons (cons* name (attlist->alist attributes) namespaces (reverse seed)) before))
        CHAR-DATA-HANDLER
        (lambda (text following seed)
          (if (string-null? following) (cons text seed) (cons* following text seed)))
        DOCTYPE
        (lambda (port name system-id internal-subset? seed)
          (when internal-subset? (ssax:skip-internal-dtd port))
          (declarations name (cons (list name system-id) seed)))
        UNDECL-ROOT declarations
        PI ((skipped . (lambda (port target seed)
                         (cons (list target (ssax:read-pi-body-as-string port)) seed)))))
       port '()))))
(define (nothing name seed) (values #f '() '() seed))
(define (declared elements entities namespaces)
  (lambda (name seed) (values elements entities namespaces seed)))
(for-each
 (lambda (document) (try (parse document nothing)))
 '("<BR/>" "<BR>" "<BR></BB>" "<A></A>rest" "text" ""
   "   <A HREF='URL'> link <I>itlink </I> &amp;amp;</A>"
   "<A HREF='URL' xml:space='preserve'> link <I xml:space='default'>itlink </I></A>"
   " <P><![CDATA[<BR>\r<![CDATA[<BR>]]&gt;]]></P>" "<A><?skipped this  that?></A>"
   "<itemize><item>This   is item 1 </item>\n<!-- c --><item>Item 2</item>\n </itemize>"
   "<?skipped version='1.0'?>\n\n<Reports TStamp='1'></Reports>"
   "<!DOCTYPE T SYSTEM 'system1' ><!-- comment -->\n<T/>"
   "<!DOCTYPE T PUBLIC '//EN/T' \"system1\" [ <!ELEMENT a 'aa'> ]>\n<?skipped?><T/>"
   "<A b='1' b='2'/>" "<A b='<'/>" "<A b='&unknown;'/>" "<A>&unknown;</A>" "<A b=c/>" "<a:b/>"
   "<DIV A:B='A' B='B' xmlns:A='URI1' xmlns='URI1'><A:P xmlns=''><BR/></A:P></DIV>"))
(define-syntax-rule (with document declarations)
  (try (parse document (apply declared declarations))))
(with "<BR></BR>" '(((BR EMPTY ())) () ()))
(with "<BR>aa</BR>" '(((BR EMPTY ())) () ()))
(with "<BR>aa</BR>" '(((BR PCDATA ())) () ()))
(with "<BR>a<I>a</I></BR>" '(((BR PCDATA ())) () ()))
(with "<BR>a<I>a</I></BR>" '(((BR ANY ()) (I PCDATA ())) () ()))
(with "<BR>a<I>a</I></BR>" '(((BR ANY ())) () ()))
(with "<BR a='c'/>" '(((BR ANY ((a ("b" "c") IMPLIED #f)))) () ()))
(with "<BR a='d'/>" '(((BR ANY ((a ("b" "c") IMPLIED #f)))) () ()))
(with "<BR/>" '(((BR ANY ((a CDATA REQUIRED #f)))) () ()))
(with "<BR/>" '(((BR ANY ((a CDATA IMPLIED "x") (b CDATA FIXED "y")))) () ()))
(with "<D>Example: &example;</D>"
      '(#f ((example . "<P>An ampersand (&#38;) is (&#38;#38;) or (&amp;amp;).</P>")) ()))
(with "<D>&example; <P/></D>"
      '(#f ((quote . "<I>example:</I> ex") (example . "<Q>&quote;!</Q>?")) ()))
(with "<D>&one;</D>" '(#f ((one . "&two;") (two . "&one;")) ()))
(with "<D>&one;</D>" '(#f ((one . "<I>")) ()))
(with "<D A:B='A' B='B' xmlns:A='URI1' xmlns='URI1'><A:P xmlns=''><BR/></A:P></D>"
      '(#f () ((#f UA . URI1))))

;; SXML.
(define (to-sxml document prefixes)
  (with-ssax-error-to-port (%make-void-port "w")
    (lambda ()
      (call-with-input-string document (lambda (port) (ssax:xml->sxml port prefixes))))))
(for-each
 (lambda (document) (try (to-sxml document '())))
 '(" <BR/>" " <BR CLEAR='ALL'\nCLASS='Class1'/>" "<P><?pi1  p1 content ?>?<?pi2 pi2? content? ??></P>"
   "<P>some text <![CDATA[<]]>1\n&quot;<B>strong</B>&quot;\r</P>"
   "<?xml version='1.0'?>\n<W unit=\"pound\">\n<NET> 67 </NET>\n</W>"
   "<!DOCTYPE T SYSTEM 'system1' ><!-- comment -->\n<T/>"
   "<D A:B='A' B='B' xmlns:A='URI1' xmlns='URI1'><A:P xmlns=''><BR/></A:P></D>"))
(try (to-sxml "<D A:B='A' xmlns:A='URI1' xmlns='URI1'><A:P xmlns=''/></D>" '((UA . "URI1"))))

;; Entities of all documents.
(define-parsed-entity! 'mine "<b>it</b>")
(try (to-sxml "<a>&mine;</a>" '()))
(reset-parsed-entity-definitions!)
(try (to-sxml "<a>&mine;</a>" '()))

(try (attlist->alist (attlist-add (attlist-add (make-empty-attlist) '(b . "1")) '(a . "2"))))
(try (attlist-add (attlist-add (make-empty-attlist) '(b . "1")) '(b . "2")))
(try (attlist-fold cons* '() '((a . 1) (b . 2))))
(try (ssax:reverse-collect-str-drop-ws '("  " (b) "y" "x" (a) "\n")))
(try (call-with-input-string "SYSTEM 'one' rest" ssax:read-external-id))
(try (call-with-input-string "PUBLIC 'one' \"two\"" ssax:read-external-id))
(try (call-with-input-string "OTHER 'one'" ssax:read-external-id))

;; Pieces of a port.
(define (on text) (open-input-string text))
(try (peek-next-char (on "abc")))
(try (assert-curr-char '(#\a #\b) "comment" (on "abc")))
(try (assert-curr-char '(#\b) "comment" (on "abc")))
(try (assert-curr-char '(#\b) "comment" (on "")))
(define p (on "abcdef"))
(try (skip-until 2 p)) (try (skip-until '(#\d #\e) p)) (try (skip-until '(#\x) p)) 
(try (skip-until '(#\x *eof*) (on "abc")))
(try (skip-until 10 (on "abc")))
(define p (on "aabcdef"))
(try (skip-while '(#\a #\b) p)) (try (read-char p)) (try (skip-while '(#\a #\b) (on "")))
(define p (on "  foo bar"))
(try (next-token '(#\space) '(#\space) "c" p)) (try (read-char p)) (try (next-token '() '(#\space) "c" p)) 
(try (next-token '() '(#\space *eof*) "c" (on "xyz"))) (try (next-token '() '(#\space) "c" (on "xyz")))
(try (next-token-of '(#\a #\b) (on "abcab"))) (try (next-token-of (lambda (c) (and (not (eof-object? c)) (char-alphabetic? c) c)) (on "ab1")))
(try (next-token-of (lambda (c) (and (char? c) (char-upcase c))) (on "ab1")))
(define p (on "l1\nl2\r\nl3\rl4"))
(try (list (read-text-line p) (read-text-line p) (read-text-line p) (read-text-line p) (read-text-line p)))
(define p (on "abcdef"))
(try (list (read-string 2 p) (read-string 10 p) (read-string 1 p) (read-string 0 p)))
(try (find-string-from-port? "cd" (on "abcdef")))
(try (find-string-from-port? "cd" (on "abcdef") 3))
(try (find-string-from-port? "cd" (on "abcdef") 4))
(try (find-string-from-port? "aab" (on "aaaab")))
(try (find-string-from-port? "x" (on "aaaab")))
