; What no two nodes can promise, however clever their rules are.
;
; Nodes A and B may serve the same group of users. Their rules are any functions of what they
; have seen, so whoever proves this proves it of every protocol, every time-out and every clock.
; The first question is the theorem. Each further question leaves out one line of it, and has an
; answer: so every line is needed, and each answer is a way out that costs something.
; Any solver of SMT-LIB 2 answers the same: unsat, then sat six times.

(set-info :smt-lib-version 2.6)
(set-info :says "no two nodes alone can each serve after the other's crash, and never both in a cut")
(set-info :source "Gray 1978; Fischer, Lynch and Paterson 1985; Gilbert and Lynch 2002")
(set-option :produce-models true)
(set-logic QF_UF)

; Three worlds at one late moment, when both nodes have waited as long as their rules want to.
; Nothing of the theorem depends on how long that is.
(declare-sort World 0)
(declare-const B_down World)
(declare-const A_down World)
(declare-const cut World)
(assert (distinct B_down A_down cut))

; Everything that a node has seen until then: its clock, its own past, each message that arrived,
; and each coin that it tossed. (Coins do not help: let them fall alike in all worlds.)
(declare-sort View 0)
(declare-fun seen_by_A (World) View)
(declare-fun seen_by_B (World) View)

; A bit that a third party tells each node. It is exclusive: it is never yes for both.
(declare-fun told_A (World) Bool)
(declare-fun told_B (World) Bool)
(assert (not (and (told_A B_down) (told_B B_down))))
(assert (not (and (told_A A_down) (told_B A_down))))
(assert (not (and (told_A cut) (told_B cut))))

; The rules of each node, about which nothing is known: whether it serves the group.
(declare-fun rules_of_A (View Bool) Bool)
(declare-fun rules_of_B (View Bool) Bool)
(define-fun A_serves ((world World)) Bool (rules_of_A (seen_by_A world) (told_A world)))
(define-fun B_serves ((world World)) Bool (rules_of_B (seen_by_B world) (told_B world)))

; silent_B: to A, a crash of B looks like a cut, because nothing of B arrives in either.
(declare-const silent_B Bool)
(assert (=> silent_B (= (seen_by_A B_down) (seen_by_A cut))))

; silent_A: to B, a crash of A looks like a cut.
(declare-const silent_A Bool)
(assert (=> silent_A (= (seen_by_B A_down) (seen_by_B cut))))

; alone: there is no third party. The bit is the same in every world, so it tells nothing.
(declare-const alone Bool)
(assert (=> alone (= (told_A B_down) (told_A A_down) (told_A cut))))
(assert (=> alone (= (told_B B_down) (told_B A_down) (told_B cut))))

; a: after a crash of B, A serves.
(declare-const a Bool)
(assert (=> a (A_serves B_down)))

; b: after a crash of A, B serves.
(declare-const b Bool)
(assert (=> b (B_serves A_down)))

; c: in a cut, in which both live, never both serve.
(declare-const c Bool)
(assert (=> c (not (and (A_serves cut) (B_serves cut)))))

(set-info :status unsat)
(check-sat-assuming (silent_B silent_A alone a b c))

(echo "a: A never takes over; only B is a standby")
(set-info :status sat)
(check-sat-assuming (silent_B silent_A alone b c))
(get-value ((A_serves B_down) (B_serves A_down) (A_serves cut) (B_serves cut)))

(echo "b: B never takes over; only A is a standby")
(check-sat-assuming (silent_B silent_A alone a c))
(get-value ((A_serves B_down) (B_serves A_down) (A_serves cut) (B_serves cut)))

(echo "c: both take over, and in a cut both serve")
(check-sat-assuming (silent_B silent_A alone a b))
(get-value ((A_serves B_down) (B_serves A_down) (A_serves cut) (B_serves cut)))

(echo "silent_B: A can tell a crash from a cut, as by a fence that acknowledges")
(check-sat-assuming (silent_A alone a b c))
(get-value ((A_serves B_down) (B_serves A_down) (A_serves cut) (B_serves cut)))

(echo "silent_A: B can tell a crash from a cut")
(check-sat-assuming (silent_B alone a b c))
(get-value ((A_serves B_down) (B_serves A_down) (A_serves cut) (B_serves cut)))

(echo "alone: a witness tells one node that it may serve, and never both")
(check-sat-assuming (silent_B silent_A a b c))
(get-value ((A_serves B_down) (B_serves A_down) (A_serves cut) (B_serves cut)))
