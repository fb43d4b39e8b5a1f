"""Comparing two models: does one do only what the other does?"""
