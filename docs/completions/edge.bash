# shellcheck shell=bash
# Completion of edge(8) for bash.

# The host names of the configuration: the one after -c, if there is one.
_edge_hosts() {
    local i file=/etc/edge/edge.conf
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i - 1]} == -c ]]; then file=${COMP_WORDS[i]}; fi
    done
    "${COMP_WORDS[0]/#\~/$HOME}" check --hosts -c "${file/#\~/$HOME}" 2>/dev/null
}

# What may stand in place of a word that begins with a dash, by command.
_edge_options() { # COMMAND
    case $1 in
    add) printf '%s\n' --app ;;
    certs | version) printf '%s\n' --json ;;
    check) printf '%s\n' --hosts --ports ;;
    renew) printf '%s\n' --force ;;
    esac
    printf '%s\n' -c --help
}

_edge() {
    local commands='serve check add remove renew certs version help'
    local apps='immich photoprism owncast homeassistant jellyfin nextcloud'
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=''
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        words=$commands
    elif [[ $before == -c ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
    elif [[ $before == --app ]]; then
        words=$apps
    elif [[ $word == -* ]]; then
        words=$(_edge_options "$command")
    else
        case $command in
        remove | renew) words=$(_edge_hosts) ;;
        help) words="$commands config" ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _edge edge
