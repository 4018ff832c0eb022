# Lists what each module imports: one line for each path that begins with `crate`, `self`, `super` or
# the name of a child, in a `use` or in an expression.
#
#   module  MODULE                       a file, named crate::folder::file
#   test    MODULE                       its declaration says that only tests have it
#   shows   MODULE NAME PATH             `pub use`: whoever imports NAME from it means PATH
#   import  MODULE PATH FILE:LINE
#
# Tests may import from everywhere and are left out; so are comments and `pub(in …)`.

function report(path, shown) {
    if (in_test_file || path == "") return
    if (shown != "") print "shows", here, shown, path
    else print "import", here, path, FILENAME ":" FNR
}

# A path as it is written to one that begins with the crate.
function absolute(path, from) {
    from = here inline
    if (path ~ /^crate(::|$)/) { sub(/^crate/, crate, path); return path }
    if (path ~ /^self(::|$)/) { sub(/^self/, from, path); return path }
    if (path ~ /^super(::|$)/) {
        while (path ~ /^super(::|$)/) {
            sub(/^super(::)?/, "", path)
            sub(/::[^:]*$/, "", from)
        }
        return path == "" ? from : from "::" path
    }
    first = path
    sub(/::.*/, "", first)
    return ((here, first) in child) ? here "::" path : ""
}

# The leaves of a `use` tree: a::{b, c::{d, e as f}} is a::b, a::c::d and a::c::e.
function leaves(prefix, tree, shown,    i, depth, part, letter, head, name) {
    sub(/^[ \t]+/, "", tree)
    sub(/[ \t]+$/, "", tree)
    i = index(tree, "{")
    if (i == 0) {
        if (tree == "") return
        name = tree
        if (sub(/.* as /, "", name)) sub(/ as .*/, "", tree)
        else sub(/.*::/, "", name)
        if (tree == "self") { tree = ""; sub(/::$/, "", prefix); name = prefix; sub(/.*::/, "", name) }
        report(absolute(prefix tree), shown ? name : "")
        return
    }
    head = prefix substr(tree, 1, i - 1)
    tree = substr(tree, i + 1)
    sub(/\}$/, "", tree)
    depth = 0
    part = ""
    for (i = 1; i <= length(tree); i++) {
        letter = substr(tree, i, 1)
        if (letter == "{") depth++
        if (letter == "}") depth--
        if (letter == "," && depth == 0) {
            leaves(head, part, shown)
            part = ""
        } else part = part letter
    }
    leaves(head, part, shown)
}

function expression(line,    path, name) {
    while (match(line, /[A-Za-z_][A-Za-z_0-9]*(::[A-Za-z_][A-Za-z_0-9]*)+/)) {
        path = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        report(absolute(path), "")
    }
}

FNR == 1 {
    here = FILENAME
    sub(/\.rs$/, "", here)
    sub(/\/src\//, "/", here)
    # A folder of benches is a crate of its own.
    sub(/\/benches\//, "-", here)
    gsub(/\//, "::", here)
    sub(/::(mod|main|lib)$/, "", here)
    crate = here
    sub(/::.*/, "", crate)
    in_test_file = FILENAME ~ /(^|[\/_])tests(\/|\.rs$)/
    if (!in_test_file) print "module", here
    inline = use = skip = ""
    only_test = 0
}

{
    sub(/(^|[ \t])\/\/.*/, "")
    gsub(/pub\(in [^)]*\)/, "pub")
}

# The item behind `#[cfg(test)]`, to the brace that closes it.
skip != "" {
    if ($0 ~ "^" skip "\\}") skip = ""
    next
}
/^[ \t]*#\[cfg\(test\)\]/ { only_test = 1; next }
only_test && /^[ \t]*#\[/ { next }
only_test {
    only_test = 0
    if (match($0, /mod [a-z_0-9]+;/)) print "test", here "::" substr($0, RSTART + 4, RLENGTH - 5)
    else if ($0 !~ /;[ \t]*$/ && $0 !~ /\}[ \t]*$/) {
        skip = $0
        sub(/[^ ].*/, "", skip)
        if (skip == "") skip = "()"
    }
    next
}

# A `use`, which may go on for several lines.
use == "" && /^[ \t]*(pub(\([a-z]+\))? )?use / { use = " " }
use != "" {
    use = use " " $0
    if ($0 !~ /;/) next
    sub(/;.*/, "", use)
    shown = use ~ /^[ \t]*pub/
    sub(/^[ \t]*(pub(\([a-z]+\))?[ \t]+)?use[ \t]+/, "", use)
    leaves("", use, shown)
    use = ""
    next
}

/^[ \t]*(pub(\([a-z]+\))? )?mod [a-z_0-9]+;/ {
    name = $0
    sub(/;.*/, "", name)
    sub(/.*mod /, "", name)
    child[here, name] = 1
    next
}
/^(pub(\([a-z]+\))? )?mod [a-z_0-9]+ \{/ {
    name = $0
    sub(/ \{.*/, "", name)
    sub(/.*mod /, "", name)
    inline = "::" name
    next
}
inline != "" && /^\}/ { inline = "" }

{ expression($0) }
