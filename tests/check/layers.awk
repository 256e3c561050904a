# awk -f layers.awk layers.txt SOURCE...: prints every include that layers.txt does not allow.

function pattern(glob) {
    gsub(/[.]/, "[.]", glob)
    gsub(/[*]/, "[^/]*", glob)
    return "^" glob "$"
}

function allowed(file, header,    i) {
    if (folder(file) == folder(header)) return 1
    for (i = 1; i <= rules; i++)
        if (file ~ who[i] && header ~ what[i]) return 1
    return 0
}

function folder(path) { sub(/\/.*/, "", path); return path }

function complain(file, text) {
    print "src/" file ":" FNR ": " text
    bad = 1
}

# --- the rules
FNR == NR && /^may/ {
    for (i = 3; i <= NF; i++) { rules++; who[rules] = pattern($2); what[rules] = pattern($i) }
    known[folder($2)] = 1
}
FNR == NR && /^only/ {
    for (i = 3; i <= NF; i++) { sees[$2] = sees[$2] " " $i }
}
FNR == NR { next }

# --- the sources
FNR == 1 {
    file = FILENAME
    sub(/^src\//, "", file)
    if (!(folder(file) in known)) complain(file, "no rule for folder " folder(file) " in layers.txt")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, part, "\"")
    header = part[2]
    if (header ~ /^(build_info|versions)[.]h$/) next
    if (header !~ /\//) complain(file, "write the folder too: \"" folder(file) "/" header "\"")
    else if (!allowed(file, header)) complain(file, folder(file) "/ may not include \"" header "\" here")
}

/^[ \t]*#[ \t]*include[ \t]*</ {
    match($0, /<[^>]*>/)
    header = substr($0, RSTART, RLENGTH)
    if (!(header in sees)) next
    n = split(sees[header], seer, " ")
    for (i = 1; i <= n; i++)
        if (file ~ pattern(seer[i])) next
    complain(file, header " is for" sees[header] " only")
}

END { exit bad }
