"""Pusher: puts a blessed model where the server looks for it."""
