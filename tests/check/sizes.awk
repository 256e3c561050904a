# awk -f sizes.awk sizes.allow SOURCE...: files, functions and parameter lists that are too long.
# Relies on our layout: a function's braces stand in column 0, and nobody else's do.
# Fails when a hard limit is passed that sizes.allow does not grant.

function report(where, what, size, unit, soft, hard,    key) {
    if (size <= soft) return
    key = where "#" what
    sub(/:[0-9]+#/, "#", key)
    if (hard && size > hard && !(key in granted && size <= granted[key])) {
        printf "long: %s %s %d %s (hard limit %d)\n", where, what, size, unit, hard
        bad = 1
    } else
        printf "long: %s %s %d %s (limit %d)\n", where, what, size, unit, soft
}

function end_of_file() {
    if (file != "") report(file ":" lines, "file", lines, "lines", 600, 700)
}

# Name and parameters of a definition given in one line.
function parse(text,    depth, i, c) {
    gsub(/__attribute__ *\(\(([^()]|\([^()]*\))*\)\)/, "", text)
    name = text
    sub(/\(.*/, "", name)
    sub(/^.*[ *]/, "", name)
    sub(/^[^(]*\(/, "", text)
    params = 1
    if (text ~ /^(void)?\)/) { params = 0; return }
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(") depth++
        else if (c == ")" && depth-- == 0) break
        else if (c == "," && depth == 0) params++
    }
}

FNR == NR {
    if (NF >= 2 && !/^#/) granted[$1] = $2
    next
}

FNR == 1 {
    end_of_file()
    file = FILENAME
    sub(/^src\//, "", file)
    head = ""
    inside = 0
}

{ lines = FNR }

/^{/ && head != "" {
    parse(head)
    inside = 1
    next
}

/^}/ {
    if (inside) {
        report(file ":" start, name, FNR - start + 1, "lines", 50, 100)
        report(file ":" start, name, params, "parameters", 5, 0)
    }
    inside = 0
    head = ""
    next
}

inside { next }

# Between functions: a definition's head is the run of lines before its brace.
/^[ \t]*$/ || /^#/ || /;[ \t]*$/ || /^ ?\*/ || /^\/[\/*]/ { head = ""; next }
{
    if (head == "") start = FNR
    head = head $0 " "
}

END {
    end_of_file()
    exit bad
}
