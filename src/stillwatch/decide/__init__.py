"""From findings to decisions: policy, approval, verdicts, appeals, allowances; simulated until a row says enforce."""
