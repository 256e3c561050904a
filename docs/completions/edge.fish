# Completion of edge(8) for fish.

# The host names of the configuration: the one after -c, if there is one.
function __edge_hosts
    set -l file /etc/edge/edge.conf
    set -l words (commandline -opc)
    for i in (seq 2 (count $words))
        if string match -q -- -c $words[$i]; and test $i -lt (count $words)
            set file $words[(math $i + 1)]
        end
    end
    $words[1] check --hosts -c $file 2>/dev/null
end

function __edge_is -d 'the command is one of these'
    set -l words (commandline -opc)
    test (count $words) -gt 1; and contains -- $words[2] $argv
end

function __edge_begins -d 'there is no command yet'
    test (count (commandline -opc)) -eq 1
end

set -l apps immich photoprism owncast homeassistant jellyfin nextcloud
set -l commands serve check add remove renew certs version help

complete -c edge -f
complete -c edge -n __edge_begins -a serve -d 'run in the foreground'
complete -c edge -n __edge_begins -a check -d 'validate the configuration'
complete -c edge -n __edge_begins -a add -d 'add a site'
complete -c edge -n __edge_begins -a remove -d 'remove a site'
complete -c edge -n __edge_begins -a renew -d 'get and renew certificates'
complete -c edge -n __edge_begins -a certs -d 'list the certificates'
complete -c edge -n __edge_begins -a version -d 'print the versions'
complete -c edge -n __edge_begins -a help -d 'explain a command'

complete -c edge -n 'not __edge_begins' -o c -r -F -d 'the configuration'
complete -c edge -n 'not __edge_begins' -s h -l help -d 'print what the command does'
complete -c edge -n '__edge_is add' -l app -x -a "$apps" -d 'the application behind it'
complete -c edge -n '__edge_is remove renew' -a '(__edge_hosts)'
complete -c edge -n '__edge_is renew' -l force -d 'whether it is due or not'
complete -c edge -n '__edge_is certs version' -l json -d 'print JSON'
complete -c edge -n '__edge_is check' -l hosts -d 'print the host names instead'
complete -c edge -n '__edge_is check' -l ports -d 'try whether the ports are free'
complete -c edge -n '__edge_is help' -a "$commands config"
