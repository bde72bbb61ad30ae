# What the scripts of the cluster share. Sourced, never run.
# shellcheck shell=sh

WAIT_SECONDS=900

ours() {
    kubectl --context kind-perennial "$@"
}

# Wait for an object; if it does not come, say which pod is not ready and why.
wait_for() {
    ours -n kubeflow wait "$@" --timeout="${WAIT_SECONDS}s" >/dev/null 2>&1 || {
        ours -n kubeflow get pods -o jsonpath='{range .items[*]}{.metadata.name}{"\t"}{.status.phase}{"\t"}{.status.conditions[?(@.type=="Ready")].status}{"\t"}{.status.conditions[*].message}{"\t"}{.status.containerStatuses[*].state.waiting.message}{"\n"}{end}' |
            awk -F '\t' '$2 != "Succeeded" && $3 != "True" { print "perennial: pod " $1 ": " $2 " " $4 " " $5 }' >&2
        fail "$1 is not ready after $WAIT_SECONDS s: see the pods above, and 'kubectl --context kind-perennial -n kubeflow logs POD'"
    }
}
