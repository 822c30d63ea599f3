;;; Sockets, addresses and what is known of hosts, services and protocols.

(define AI_PASSIVE (%constant-of 'AI_PASSIVE))
(define AI_CANONNAME (%constant-of 'AI_CANONNAME))
(define AI_NUMERICHOST (%constant-of 'AI_NUMERICHOST))
(define AI_NUMERICSERV (%constant-of 'AI_NUMERICSERV))
(define AI_V4MAPPED (%constant-of 'AI_V4MAPPED))
(define AI_ALL (%constant-of 'AI_ALL))
(define AI_ADDRCONFIG (%constant-of 'AI_ADDRCONFIG))
(define EAI_BADFLAGS (%constant-of 'EAI_BADFLAGS))
(define EAI_NONAME (%constant-of 'EAI_NONAME))
(define EAI_AGAIN (%constant-of 'EAI_AGAIN))
(define EAI_FAIL (%constant-of 'EAI_FAIL))
(define EAI_FAMILY (%constant-of 'EAI_FAMILY))
(define EAI_SOCKTYPE (%constant-of 'EAI_SOCKTYPE))
(define EAI_SERVICE (%constant-of 'EAI_SERVICE))
(define EAI_MEMORY (%constant-of 'EAI_MEMORY))
(define EAI_SYSTEM (%constant-of 'EAI_SYSTEM))
(define EAI_OVERFLOW (%constant-of 'EAI_OVERFLOW))

;;; Addresses of the internet are integers; those of version 6 have 16 bytes.

(define (%bytes->integer bytes)
  (let loop ((index 0) (number 0))
    (if (= index (bytevector-length bytes))
        number
        (loop (+ index 1) (+ (* 256 number) (bytevector-u8-ref bytes index))))))

(define (%integer->bytes number size)
  (let ((bytes (make-bytevector size 0)))
    (let loop ((index (- size 1)) (number number))
      (if (< index 0)
          bytes
          (begin
            (bytevector-u8-set! bytes index (modulo number 256))
            (loop (- index 1) (quotient number 256)))))))

(define (%size-of-address family procedure)
  (cond ((eqv? family AF_INET) 4)
        ((eqv? family AF_INET6) 16)
        (else (scm-error 'out-of-range procedure "Argument ~A out of range: ~S"
                         (list 1 family) (list family)))))

(define (inet-makeaddr net local)
  "Return the address of host LOCAL in network NET."
  (logior local
          (cond ((< net 128) (ash net 24))
                ((< net 65536) (ash net 16))
                ((< net 16777216) (ash net 8))
                (else net))))

(define (%bits-of-host address)
  (cond ((< (ash address -24) 128) 24)
        ((< (ash address -24) 192) 16)
        (else 8)))

(define (inet-lnaof address)
  "Return the host's part of ADDRESS in networks with classes."
  (logand address (- (ash 1 (%bits-of-host address)) 1)))

(define (inet-netof address)
  "Return the network's part of ADDRESS in networks with classes."
  (ash address (- (%bits-of-host address))))

(define (make-socket-address family address . more)
  "Return an address for `connect' and `bind': of AF_INET, an integer and a port; of
AF_INET6, the same, and perhaps flow and scope; of AF_UNIX, a path."
  (cond
   ((and (eqv? family AF_UNIX) (null? more)) (vector family address))
   ((and (eqv? family AF_INET) (pair? more)) (vector family address (car more)))
   ((and (eqv? family AF_INET6) (pair? more))
    (vector family address (car more)
            (if (pair? (cdr more)) (cadr more) 0)
            (if (and (pair? (cdr more)) (pair? (cddr more))) (caddr more) 0)))
   (else (scm-error 'out-of-range "make-socket-address" "Value out of range: ~S"
                    (list family) (list family)))))

(define (sockaddr:fam address)
  "Return the family of ADDRESS."
  (vector-ref address 0))

(define (sockaddr:path address)
  "Return the path of ADDRESS, one of AF_UNIX."
  (vector-ref address 1))

(define (sockaddr:addr address)
  "Return the integer of ADDRESS, one of the internet."
  (vector-ref address 1))

(define (sockaddr:port address)
  "Return the port of ADDRESS, one of the internet."
  (vector-ref address 2))

(define (sockaddr:flowinfo address)
  "Return the flow of ADDRESS, one of AF_INET6."
  (vector-ref address 3))

(define (sockaddr:scopeid address)
  "Return the scope of ADDRESS, one of AF_INET6."
  (vector-ref address 4))

;; Between vectors and the lists that natives take.
(define (%address->list address)
  (if (eqv? (vector-ref address 0) AF_UNIX)
      (vector->list address)
      (list (vector-ref address 0)
            (%integer->bytes (vector-ref address 1)
                             (%size-of-address (vector-ref address 0) "connect"))
            (vector-ref address 2)
            (if (> (vector-length address) 3) (vector-ref address 3) 0)
            (if (> (vector-length address) 4) (vector-ref address 4) 0))))

(define (%list->address fields)
  (cond ((not fields) #f)
        ((eqv? (car fields) AF_UNIX)
         (vector AF_UNIX (if (string-null? (cadr fields)) #f (cadr fields))))
        ((eqv? (car fields) AF_INET)
         (vector AF_INET (%bytes->integer (cadr fields)) (caddr fields)))
        (else
         (vector (car fields) (%bytes->integer (cadr fields)) (caddr fields)
                 (list-ref fields 3) (list-ref fields 4)))))

(define (%given-address family-or-address more)
  (%address->list (if (vector? family-or-address)
                      family-or-address
                      (apply make-socket-address family-or-address more))))

;;; Sockets are ports that read and write the same descriptor.

(define (%socket-port descriptor)
  (fdopen descriptor "r+0"))

(define (socket family style protocol)
  "Return a port for a new socket: FAMILY such as PF_INET, STYLE such as SOCK_STREAM."
  (%socket-port (%socket family style protocol)))

(define (socketpair family style protocol)
  "Return a pair of ports for two new sockets that are connected with each other."
  (let ((made (%socketpair family style protocol)))
    (cons (%socket-port (car made)) (%socket-port (cdr made)))))

(define (connect socket family-or-address . more)
  "Connect SOCKET with an address, one that `make-socket-address' has made or what that
takes, and return #t."
  (%connect socket (%given-address family-or-address more))
  #t)

(define (bind socket family-or-address . more)
  "Give SOCKET an address: one that `make-socket-address' has made, or what that takes."
  (%bind socket (%given-address family-or-address more)))

(define* (accept socket #:optional (flags 0))
  "Wait for somebody to connect with SOCKET.  Return a pair of a port for that
connection, and the other's address."
  (unless (or (port? socket) (exact-integer? socket))
    (scm-error 'wrong-type-arg "accept"
               "Wrong type argument in position ~A (expecting ~A): ~S"
               (list 1 "open file port" socket) (list socket)))
  (select (list socket) '() '())
  (let ((made (%accept socket)))
    (if (logtest flags SOCK_CLOEXEC)
        (fcntl (car made) F_SETFD FD_CLOEXEC))
    (if (logtest flags SOCK_NONBLOCK)
        (fcntl (car made) F_SETFL (logior O_NONBLOCK (fcntl (car made) F_GETFL))))
    (cons (%socket-port (car made)) (%list->address (cdr made)))))

(define (getsockname socket)
  "Return the address of SOCKET."
  (%list->address (%getsockname socket)))

(define (getpeername socket)
  "Return the address of what SOCKET is connected with."
  (%list->address (%getpeername socket)))

(define (%native-integer bytes start)
  (let loop ((index (+ start 3)) (number 0))
    (if (< index start)
        (if (> number 2147483647) (- number 4294967296) number)
        (loop (- index 1) (+ (* 256 number) (bytevector-u8-ref bytes index))))))

(define (%native-bytes . numbers)
  (let ((bytes (make-bytevector (* 4 (length numbers)) 0)))
    (let loop ((numbers numbers) (start 0))
      (if (pair? numbers)
          (let fill ((index 0) (number (car numbers)))
            (if (< index 4)
                (begin
                  (bytevector-u8-set! bytes (+ start index) (modulo number 256))
                  (fill (+ index 1) (floor-quotient number 256)))
                (loop (cdr numbers) (+ start 4))))
          bytes))))

(define (getsockopt socket level option)
  "Return what OPTION of SOCKET is at LEVEL: an integer, and for SO_LINGER a pair."
  (let ((bytes (%getsockopt socket level option)))
    (if (and (eqv? level SOL_SOCKET) (eqv? option SO_LINGER))
        (cons (%native-integer bytes 0) (%native-integer bytes 4))
        (%native-integer bytes 0))))

(define (setsockopt socket level option value)
  "Let OPTION of SOCKET at LEVEL be VALUE: an integer, and a pair for SO_LINGER and the
options of IP that take two addresses."
  (%setsockopt socket level option
               (cond ((not (pair? value)) (%native-bytes value))
                     ((eqv? level SOL_SOCKET) (%native-bytes (car value) (cdr value)))
                     (else
                      (%integer->bytes (+ (ash (car value) 32) (cdr value)) 8)))))

(define* (recv! socket bytevector #:optional (flags 0))
  "Put what comes through SOCKET into BYTEVECTOR; return how many bytes there were."
  (car (recvfrom! socket bytevector flags)))

(define* (recvfrom! socket bytevector #:optional (flags 0) (start 0)
                    (end (bytevector-length bytevector)))
  "Put what comes through SOCKET into BYTEVECTOR from START to END; return a pair of how
many bytes there were and the address they came from."
  (if (not (logtest flags MSG_DONTWAIT))
      (select (list socket) '() '()))
  (let ((received (%receive socket (- end start) flags)))
    (bytevector-copy! (car received) 0 bytevector start
                      (bytevector-length (car received)))
    (cons (bytevector-length (car received)) (%list->address (cdr received)))))

(define* (send socket bytes #:optional (flags 0))
  "Send BYTES through SOCKET; return how many were sent."
  (%send socket bytes flags #f))

(define (sendto socket bytes family-or-address . more)
  "Send BYTES through SOCKET to an address: one that `make-socket-address' has made, or
what that takes; flags may follow.  Return how many were sent."
  (let* ((takes (cond ((vector? family-or-address) 0)
                      ((eqv? family-or-address AF_UNIX) 1)
                      (else 2)))
         (flags (list-tail more takes)))
    (%send socket bytes (if (pair? flags) (car flags) 0)
           (%given-address family-or-address (list-head more takes)))))

;;; What is known of hosts, services and protocols.

(define* (getaddrinfo name #:optional service (flags 0) (family 0) (style 0) (protocol 0))
  "Return the addresses of host NAME for SERVICE, a name or a port as a string, as a
list.  Throw 'getaddrinfo-error with a code that `gai-strerror' explains."
  (let ((found (%getaddrinfo name service flags family style protocol)))
    (if (exact-integer? found)
        (throw 'getaddrinfo-error found)
        (map (lambda (fields)
               (let ((info (list->vector fields)))
                 (vector-set! info 4 (%list->address (vector-ref info 4)))
                 info))
             found))))

(define (addrinfo:flags info)
  "Return the flags of INFO."
  (vector-ref info 0))

(define (addrinfo:fam info)
  "Return the family of INFO's address."
  (vector-ref info 1))

(define (addrinfo:socktype info)
  "Return the style of a socket for INFO's address."
  (vector-ref info 2))

(define (addrinfo:protocol info)
  "Return the protocol of a socket for INFO's address."
  (vector-ref info 3))

(define (addrinfo:addr info)
  "Return the address of INFO."
  (vector-ref info 4))

(define (addrinfo:canonname info)
  "Return the host's own name in INFO, or #f."
  (vector-ref info 5))

(define (gethost name)
  "Return what is known of host NAME: a string, or an integer of AF_INET."
  (let* ((text (if (string? name) name (inet-ntop AF_INET name)))
         (found (%getaddrinfo text #f AI_CANONNAME AF_INET SOCK_STREAM 0)))
    (if (pair? found)
        (vector (or (list-ref (car found) 5) text) '() AF_INET 4
                (map (lambda (fields) (%bytes->integer (cadr (list-ref fields 4))))
                     found))
        (throw 'host-not-found "gethost" "Unknown host" '() #f))))

(define (gethostbyname name)
  "Return what is known of the host called NAME."
  (gethost name))

(define (hostent:name host)
  "Return the name of HOST."
  (vector-ref host 0))

(define (hostent:aliases host)
  "Return the other names of HOST."
  (vector-ref host 1))

(define (hostent:addrtype host)
  "Return the family of the addresses of HOST."
  (vector-ref host 2))

(define (hostent:length host)
  "Return how many bytes an address of HOST has."
  (vector-ref host 3))

(define (hostent:addr-list host)
  "Return the addresses of HOST."
  (vector-ref host 4))

;; The lines of FILE: a name, a number, other names; a comment after a hash.
(define (%table-of file)
  (define (words line)
    (string-tokenize (car (string-split line #\#))))
  (if (file-exists? file)
      (filter (lambda (words) (and (pair? words) (pair? (cdr words))))
              (map words
                   (string-split (call-with-input-file file %read-all) #\newline)))
      '()))

(define (%read-all port)
  (let ((text (%get-string-all port)))
    (if (string? text) text "")))

(define (%serv-of words)
  (let ((place (string-split (cadr words) #\/)))
    (vector (car words) (cddr words) (string->number (car place)) (cadr place))))

(define (getserv name protocol)
  "Return what is known of service NAME, a string or a port, over PROTOCOL."
  (let ((found (find (lambda (service)
                       (and (string=? protocol (vector-ref service 3))
                            (if (string? name)
                                (member name (cons (vector-ref service 0)
                                                   (vector-ref service 1)))
                                (eqv? name (vector-ref service 2)))))
                     (map %serv-of (%table-of "/etc/services")))))
    (or found
        (scm-error 'system-error "getserv" "no such service ~A" (list name) (list 0)))))

(define (getservbyname name protocol)
  "Return what is known of the service called NAME over PROTOCOL."
  (getserv name protocol))

(define (getservbyport port protocol)
  "Return what is known of the service at PORT over PROTOCOL."
  (getserv port protocol))

(define (servent:name service)
  "Return the name of SERVICE."
  (vector-ref service 0))

(define (servent:aliases service)
  "Return the other names of SERVICE."
  (vector-ref service 1))

(define (servent:port service)
  "Return the port of SERVICE."
  (vector-ref service 2))

(define (servent:proto service)
  "Return the protocol of SERVICE."
  (vector-ref service 3))

(define (getproto name)
  "Return what is known of protocol NAME, a string or a number."
  (let ((found (find (lambda (protocol)
                       (if (string? name)
                           (member name (cons (vector-ref protocol 0)
                                              (vector-ref protocol 1)))
                           (eqv? name (vector-ref protocol 2))))
                     (map (lambda (words)
                            (vector (car words) (cddr words)
                                    (string->number (cadr words))))
                          (%table-of "/etc/protocols")))))
    (or found
        (scm-error 'system-error "getproto" "no such protocol ~A" (list name) (list 0)))))

(define (getprotobyname name)
  "Return what is known of the protocol called NAME."
  (getproto name))

(define (getprotobynumber number)
  "Return what is known of the protocol with NUMBER."
  (getproto number))

(define (protoent:name protocol)
  "Return the name of PROTOCOL."
  (vector-ref protocol 0))

(define (protoent:aliases protocol)
  "Return the other names of PROTOCOL."
  (vector-ref protocol 1))

(define (protoent:proto protocol)
  "Return the number of PROTOCOL."
  (vector-ref protocol 2))
