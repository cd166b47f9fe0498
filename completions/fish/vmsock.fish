# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmsock.fish - completion of vmsock commands, written by scripts/options.sh
#
# Copyright (C) 2026 The vmsock authors

complete -c vmsock -f
complete -c vmsock -n __fish_use_subcommand -a info -d 'which vsock this machine has, or why it has none'
complete -c vmsock -n '__fish_seen_subcommand_from info' -l cid -s c -d 'print the context ID and nothing else'
complete -c vmsock -n '__fish_seen_subcommand_from info' -l json -s j -d 'print JSON'
complete -c vmsock -n '__fish_seen_subcommand_from info' -l help -s h -d 'print a summary of the options'
complete -c vmsock -n __fish_use_subcommand -a cat -d 'send standard input to a peer and print what it sends'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l listen -s l -d 'wait for a peer instead of connecting'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l keep-open -s k -d 'listen again after a connection has ended'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l datagram -s d -d 'datagrams instead of a stream'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l count -s n -x -d 'end after N connections, or datagrams received'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l source-port -s p -x -d 'connect or send from this port'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l buffer-size -s b -x -d 'size of the queues of a stream'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l datagram-size -s s -x -d 'largest datagram to make of the input [16K]'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l family -s F -x -a 'auto 40' -d 'auto, or the family number to use'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l timeout -s w -x -d 'give up after so long with nothing happening'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l quiet -s q -d 'print no progress and no remarks'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l verbose -s v -d 'tell more on standard error'
complete -c vmsock -n '__fish_seen_subcommand_from cat' -l help -s h -d 'print a summary of the options'
complete -c vmsock -n __fish_use_subcommand -a echo -d 'send back what peers send, over streams and datagrams'
complete -c vmsock -n '__fish_seen_subcommand_from echo' -l stream -s s -d 'serve streams only'
complete -c vmsock -n '__fish_seen_subcommand_from echo' -l datagram -s d -d 'serve datagrams only'
complete -c vmsock -n '__fish_seen_subcommand_from echo' -l once -s 1 -d 'end after one connection or datagram'
complete -c vmsock -n '__fish_seen_subcommand_from echo' -l count -s n -x -d 'end after N connections and datagrams'
complete -c vmsock -n '__fish_seen_subcommand_from echo' -l buffer-size -s b -x -d 'size of the queues of a stream'
complete -c vmsock -n '__fish_seen_subcommand_from echo' -l family -s F -x -a 'auto 40' -d 'auto, or the family number to use'
complete -c vmsock -n '__fish_seen_subcommand_from echo' -l verbose -s v -d 'tell more on standard error'
complete -c vmsock -n '__fish_seen_subcommand_from echo' -l help -s h -d 'print a summary of the options'
