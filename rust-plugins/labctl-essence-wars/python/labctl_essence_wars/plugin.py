"""placeholder until the hooks are written in the next commit"""
