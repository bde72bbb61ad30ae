# What the userland's scripts know of the host. Sourced, never run.
# shellcheck shell=sh disable=SC2034 # those who source it use the names

TREE_RELEASE=trixie
TREE_PACKAGES=ca-certificates,fontconfig,fonts-dejavu-core,g++,git,make,procps,python3,python3-dev,python3-venv,util-linux

fail() {
    echo "perennial: $*" >&2
    exit 1
}

# TFX's Linux wheels need glibc 2.39; macOS has wheels of its own.
host_is_new_enough() {
    case "$(uname -s)" in
        Darwin) return 0 ;;
        Linux) ;;
        *) fail "$(uname -s) is not supported: use Linux or macOS" ;;
    esac
    version=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{print $2}')
    [ -n "$version" ] || fail "this Linux has no glibc, which TFX needs: use Debian 12 or 13, or Ubuntu 24.04"
    major=${version%%.*} minor=${version#*.}
    [ "$major" -gt 2 ] || [ "$minor" -ge 39 ]
}

# Needs bwrap (bubblewrap). The tree has its own /usr and /etc; every other top-level folder is the host's, under the same path.
exec_inside() {
    tree=$1
    shift
    set -- --setenv INSIDE_USERLAND 1 --chdir "$PWD" -- "$@"
    for file in /etc/resolv.conf /etc/hosts /etc/passwd /etc/group /etc/pip.conf; do
        [ ! -e "$file" ] || set -- --ro-bind "$(readlink -f "$file")" "$file" "$@"
    done
    # The host's certificates, which may hold a company's own.
    [ ! -d /etc/ssl/certs ] || set -- --ro-bind /etc/ssl/certs /etc/ssl/certs "$@"
    [ ! -d /usr/share/ca-certificates ] || set -- --ro-bind /usr/share/ca-certificates /usr/share/ca-certificates "$@"
    [ ! -d /usr/local/share/ca-certificates ] || set -- --ro-bind /usr/local/share/ca-certificates /usr/local/share/ca-certificates "$@"
    for folder in /*; do
        case "$folder" in
            /bin | /boot | /dev | /etc | /lib | /lib32 | /lib64 | /libx32 | /lost+found | /proc | /run | /sbin | /sys | /usr | /var) ;;
            *) [ -L "$folder" ] || [ ! -d "$folder" ] || set -- --bind "$folder" "$folder" "$@" ;;
        esac
    done
    exec bwrap --die-with-parent --bind "$tree" / --dev-bind /dev /dev --proc /proc --ro-bind /sys /sys --bind /var/tmp /var/tmp "$@"
}
