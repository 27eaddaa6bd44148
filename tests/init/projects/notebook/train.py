#!/usr/bin/env python
# coding: utf-8

# In[1]:


import math


# In[2]:


print(math.pi)
